import type { JSX } from 'preact'
import { span, time } from './format.ts'
import { Mark } from './mark.tsx'
import { viewOf } from './parts.tsx'
import { change, link, place, store } from './store.ts'
import { VIEWS } from './views.ts'
import { either, w } from './words.ts'

/** The head of the page: the views, the filter, whether what is seen is live. */
export function Top(): JSX.Element {
  const { state, lost } = store
  const { view, filter } = place()
  return (
    <header class="top">
      <a class="brand" href="#/now">
        <svg viewBox="0 0 20 16" aria-hidden="true">
          <path d="M1 3h10q5 0 5 5t-5 5H1M1 8h18" />
        </svg>
        <b>aioflux</b> <span>{state?.title}</span>
      </a>
      <nav aria-label={either('Views', 'Разделы')}>
        {VIEWS.map(([id, name]) => {
          const its = state?.troubles.filter(({ kind }) => viewOf(kind) === id) ?? []
          const bad = its.filter(({ level }) => level === 'bad').length
          return (
            <a key={id} href={link(id)} aria-current={view === id ? 'page' : undefined}>
              {w(name)}
              {id !== 'now' && bad > 0 && (
                <span class="bad">
                  <Mark level="bad" />
                  {bad}
                </span>
              )}
              {id !== 'now' && its.length > bad && (
                <span class="warn">
                  <Mark level="warn" />
                  {its.length - bad}
                </span>
              )}
            </a>
          )
        })}
      </nav>
      <label class="filter">
        <span class="hidden">{w('Filter or go to')}</span>
        <input
          type="search"
          id="filter"
          placeholder={w('Filter or go to')}
          value={filter}
          onInput={(event) => change({ filter: event.currentTarget.value })}
          onKeyDown={(event) => {
            if (event.key === 'Enter') go(filter)
          }}
        />
        <svg viewBox="0 0 12 12" aria-hidden="true">
          <path d="M8 8l4 4M5 1a4 4 0 1 0 .1 0" />
        </svg>
        <kbd>/</kbd>
      </label>
      {state?.me.may === 'read' && <span class="reading">{w('Reading only')}</span>}
      <span class={lost === undefined ? 'live' : 'live lostword'}>
        <svg viewBox="0 0 24 12" aria-hidden="true">
          <path d="M0 6h6l3-5 4 10 3-5h8" />
        </svg>
        <b>
          {lost === undefined ? (store.held ? either('Held', 'Замерло') : w('Live')) : w('Lost')}
        </b>{' '}
        <span>
          {state && (lost === undefined ? time(state.at) : span((Date.now() - lost) / 1000))}
        </span>
      </span>
    </header>
  )
}

/** Goes to the part of that name, if there is one. */
function go(text: string): void {
  const { state } = store
  if (state === undefined || text === '') return
  for (const view of ['limiters', 'queues', 'breakers', 'schedules'] as const) {
    const name = Object.keys(state[view]).find((each) => each.toLowerCase() === text.toLowerCase())
    if (name !== undefined) location.hash = link(view, name)
  }
}
