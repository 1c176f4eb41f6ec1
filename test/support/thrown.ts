/** What code may throw, though nobody should: values without a text, and errors whose own properties throw or are no text. */
export const thrown: readonly (readonly [string, () => unknown])[] = [
  ['an object without a prototype', () => Object.create(null)],
  ['an object whose toString throws', () => ({ toString: trap })],
  ['a proxy that throws', () => new Proxy({}, { get: trap, has: trap, getPrototypeOf: trap })],
  ['an error whose stack throws', () => guarded('stack')],
  ['an error whose message throws', () => guarded('message')],
  ['an error whose name throws', () => guarded('name')],
  ['an error whose message is a BigInt', () => Object.assign(new Error('m'), { message: 10n })],
  ['an error whose name is a symbol', () => Object.assign(new Error('m'), { name: Symbol('n') })],
]

function guarded(property: string): Error {
  return Object.defineProperty(new Error('m'), property, { get: trap })
}

function trap(): never {
  throw new Error('trap')
}
