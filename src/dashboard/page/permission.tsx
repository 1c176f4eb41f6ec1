import type { ComponentChildren, JSX } from 'preact'
import { store } from './store.ts'

/** True when the user may act from here. */
export function mayAct(): boolean {
  return store.state?.me.may === 'all'
}

/** What was filled into a form; nothing else is done with it. */
export function filled(event: Event): Record<string, string> {
  event.preventDefault()
  const form = event.currentTarget as HTMLFormElement
  return Object.fromEntries(new FormData(form)) as Record<string, string>
}

/** A button of an action, or of the form that it stands in; without the right to act there is none. */
export function Act({
  children,
  onClick,
  kind = '',
  disabled,
}: {
  children: ComponentChildren
  onClick?: () => void
  kind?: string
  disabled?: boolean
}): JSX.Element | null {
  if (!mayAct()) return null
  return (
    <button
      type={onClick ? 'button' : 'submit'}
      class={kind}
      disabled={disabled || store.lost !== undefined}
      onClick={onClick}
    >
      {children}
    </button>
  )
}
