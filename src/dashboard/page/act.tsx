import type { ComponentChildren, JSX } from 'preact'
import { store } from './store.ts'

/** Is anything to be done from here? */
export function mayAct(): boolean {
  return store.state?.me.may === 'all'
}

/** A button of an action; without the right to act there is none. */
export function Act({
  children,
  onClick,
  kind = '',
  disabled,
}: {
  children: ComponentChildren
  onClick: () => void
  kind?: string
  disabled?: boolean
}): JSX.Element | null {
  if (!mayAct()) return null
  return (
    <button
      type="button"
      class={kind}
      disabled={disabled || store.lost !== undefined}
      onClick={onClick}
    >
      {children}
    </button>
  )
}
