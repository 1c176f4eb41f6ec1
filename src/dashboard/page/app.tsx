import { type JSX, render } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import { Breakers } from './breakers.tsx'
import { Dialog } from './dialog.tsx'
import { span, time } from './format.ts'
import { Limiters } from './limiters.tsx'
import { Locks } from './locks.tsx'
import { Mark } from './mark.tsx'
import { Notice } from './notice.tsx'
import { Now } from './now.tsx'
import { viewOf } from './parts.tsx'
import { Processes } from './processes.tsx'
import { Queues } from './queues.tsx'
import { Schedules } from './schedules.tsx'
import { change, connect, link, place, type State, store } from './store.ts'
import { either, LANGUAGE, w } from './words.ts'

const VIEWS: readonly (readonly [string, string, string])[] = [
  ['now', 'Now', 'n'],
  ['limiters', 'Limiters', 'l'],
  ['queues', 'Queues', 'q'],
  ['breakers', 'Breakers', 'b'],
  ['schedules', 'Schedules', 's'],
  ['locks', 'Locks', 'k'],
  ['processes', 'Processes', 'p'],
]

function View({ state }: { state: State }): JSX.Element {
  switch (place().view) {
    case 'limiters':
      return <Limiters state={state} />
    case 'queues':
      return <Queues state={state} />
    case 'breakers':
      return <Breakers state={state} />
    case 'schedules':
      return <Schedules state={state} />
    case 'locks':
      return <Locks state={state} />
    case 'processes':
      return <Processes state={state} />
    default:
      return <Now state={state} />
  }
}

let keysOff = false
let help = false
let said = new Set<string>()

/** Tells those who cannot see it of troubles that begin and end, and of nothing else. */
function Announcer({ state }: { state: State }): JSX.Element {
  const text = useRef('')
  const now = new Set(
    state.troubles.map(({ name, code }) => `${name} ${w(code).replace('_', ' ')}`),
  )
  const began = [...now].filter((each) => !said.has(each))
  const ended = [...said].filter((each) => !now.has(each))
  if (began.length + ended.length > 0)
    text.current = [
      ...began,
      ...ended.map((each) => `${each}${either(' is over', ': прошло')}`),
    ].join('. ')
  said = now
  return (
    <p class="hidden" aria-live="polite">
      {text.current}
    </p>
  )
}

function App(): JSX.Element {
  const { state, lost } = store
  const { view, filter } = place()
  useEffect(() => {
    const bad = state?.troubles.filter(({ level }) => level === 'bad').length ?? 0
    document.title = `${bad > 0 ? `◆${bad} ` : ''}${state?.title || 'aioflux'}`
    const icon = document.querySelector<HTMLLinkElement>('link[rel=icon]')
    const color = bad > 0 ? '%23b3211a' : '%235e6771'
    const href = `data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'><path fill='${color}' d='M8 1 15 8 8 15 1 8Z'/></svg>`
    if (icon !== null && icon.getAttribute('href') !== href) icon.setAttribute('href', href)
  })
  return (
    <div class={lost !== undefined && state ? 'app lost' : 'app'}>
      <button type="button" class="skip" onClick={() => document.getElementById('main')?.focus()}>
        {either('To the content', 'К содержанию')}
      </button>
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
      {lost !== undefined && (
        <div class="lostbar" role="alert">
          <span>
            <b>
              {state
                ? `${w('Connection lost')}, ${span((Date.now() - lost) / 1000)}.`
                : `${w('Connection lost')}.`}
            </b>{' '}
            {state && (
              <>
                {w('All you see is as of')} {time(state.at)}. {w('Actions wait until it is back.')}
              </>
            )}
          </span>
          <span>
            {either('Attempt', 'Попытка')} {store.attempt}{' '}
            <button type="button" onClick={connect}>
              {w('Try now')}
            </button>
          </span>
        </div>
      )}
      <main id="main" tabIndex={-1}>
        {state ? <View state={state} /> : <p class="none">…</p>}
      </main>
      {help && (
        <div class="help panel" role="note">
          <b>{w('Keys')}</b> <kbd>/</kbd> {w('Filter or go to')} · <kbd>g</kbd> +{' '}
          {VIEWS.map(([, name, key]) => (
            <span key={key}>
              <kbd>{key}</kbd> {w(name)}{' '}
            </span>
          ))}{' '}
          · <kbd>j</kbd> <kbd>k</kbd> {either('rows', 'строки')} · <kbd>Enter</kbd>{' '}
          {either('open', 'открыть')} · <kbd>Esc</kbd> {either('back', 'назад')} · <kbd>h</kbd>{' '}
          {either('hold', 'замереть')} · <kbd>?</kbd>{' '}
          <button
            type="button"
            onClick={() => {
              keysOff = !keysOff
              store.changed()
            }}
          >
            {w(keysOff ? 'all keys on' : 'all keys off')}
          </button>
        </div>
      )}
      {state && <Announcer state={state} />}
      <Dialog />
      <Notice />
    </div>
  )
}

/** Goes to the part of that name, if there is one. */
function go(text: string): void {
  const { state } = store
  if (state === undefined || text === '') return
  for (const view of ['limiters', 'queues', 'breakers', 'schedules'] as const) {
    const name = Object.keys(state[view]).find((each) => each.toLowerCase() === text.toLowerCase())
    if (name !== undefined) location.hash = `#/${view}/${encodeURIComponent(name)}`
  }
}

let afterG = 0

function onKey(event: KeyboardEvent): void {
  const target = event.target as HTMLElement
  const types = /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName)
  if (event.key === 'Escape' && types) return target.blur()
  if (
    event.metaKey ||
    event.ctrlKey ||
    event.altKey ||
    types ||
    document.querySelector('dialog[open]')
  )
    return
  if (event.key === '?') {
    help = !help
    return store.changed()
  }
  if (keysOff) return
  if (Date.now() - afterG < 1500) {
    afterG = 0
    const view = VIEWS.find(([, , key]) => key === event.key)
    if (view) location.hash = `#/${view[0]}`
    return
  }
  const rows = [...document.querySelectorAll<HTMLElement>('a.row, .troubles .what a')]
  const at = rows.indexOf(document.activeElement as HTMLElement)
  switch (event.key) {
    case '/':
      event.preventDefault()
      return document.getElementById('filter')?.focus()
    case 'g':
      afterG = Date.now()
      return
    case 'h':
      store.held = !store.held
      return store.changed()
    case 'j':
      return rows[Math.min(rows.length - 1, at + 1)]?.focus()
    case 'k':
      return rows[Math.max(0, at - 1)]?.focus()
    case 'Escape': {
      const parts = location.hash.split('?')[0]?.split('/') ?? []
      if (parts.length > 2) location.hash = parts.slice(0, parts.length > 4 ? 3 : 2).join('/')
    }
  }
}

document.documentElement.lang = LANGUAGE === 'ru' ? 'ru' : 'en'
const root = document.createElement('div')
document.body.append(root)
store.changed = () => render(<App />, root)
addEventListener('hashchange', () => {
  store.changed()
  scrollTo(0, 0)
})
addEventListener('keydown', onKey)
store.changed()
connect()
