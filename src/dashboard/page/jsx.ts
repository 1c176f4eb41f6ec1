// What the bundler writes elements with: shorter, for 500 of them, than the automatic runtime.
export { Fragment, h } from 'preact'
