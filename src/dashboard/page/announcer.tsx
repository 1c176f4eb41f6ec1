import type { JSX } from 'preact'
import type { State } from './store.ts'
import { either, w } from './words.ts'

let said = new Set<string>()
let text = ''

/** Tells screen readers of troubles that begin and end, and of nothing else. */
export function Announcer({ state }: { state: State }): JSX.Element {
  const now = new Set(
    state.troubles.map(({ name, code }) => `${name} ${w(code).replace('_', ' ')}`),
  )
  const began = [...now].filter((each) => !said.has(each))
  const ended = [...said].filter((each) => !now.has(each))
  if (began.length + ended.length > 0)
    text = [...began, ...ended.map((each) => `${each}${either(' is over', ': прошло')}`)].join('. ')
  said = now
  return (
    <p class="hidden" aria-live="polite">
      {text}
    </p>
  )
}
