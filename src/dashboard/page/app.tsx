import { type JSX, render } from 'preact'
import { Announcer } from './announcer.tsx'
import { Breakers } from './breakers.tsx'
import { ConnectionLost } from './connection-lost.tsx'
import { Dialog } from './dialog.tsx'
import { Keys, onKey } from './keys.tsx'
import { Limiters } from './limiters.tsx'
import { Locks } from './locks.tsx'
import { Notice } from './notice.tsx'
import { Now } from './now.tsx'
import { Top } from './page-head.tsx'
import { Processes } from './processes.tsx'
import { Queues } from './queues.tsx'
import { Schedules } from './schedules.tsx'
import { connect, place, type State, store } from './store.ts'
import { either, LANGUAGE } from './words.ts'

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

/** The title and the icon of the page carry how many parts are broken. */
function sign(): void {
  const { state } = store
  const bad = state?.troubles.filter(({ level }) => level === 'bad').length ?? 0
  document.title = `${bad > 0 ? `◆${bad} ` : ''}${state?.title || 'aioflux'}`
  const icon = document.querySelector<HTMLLinkElement>('link[rel=icon]')
  const color = bad > 0 ? '%23b3211a' : '%235e6771'
  const href = `data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'><path fill='${color}' d='M8 1 15 8 8 15 1 8Z'/></svg>`
  if (icon !== null && icon.getAttribute('href') !== href) icon.setAttribute('href', href)
}

function App(): JSX.Element {
  const { state, lost } = store
  return (
    <div class={lost !== undefined && state ? 'app lost' : 'app'}>
      <button type="button" class="skip" onClick={() => document.getElementById('main')?.focus()}>
        {either('To the content', 'К содержанию')}
      </button>
      <Top />
      <ConnectionLost />
      <main id="main" tabIndex={-1}>
        {state ? <View state={state} /> : <p class="none">…</p>}
      </main>
      <Keys />
      {state && <Announcer state={state} />}
      <Dialog />
      <Notice />
    </div>
  )
}

document.documentElement.lang = LANGUAGE === 'ru' ? 'ru' : 'en'
const root = document.createElement('div')
document.body.append(root)
store.changed = () => {
  render(<App />, root)
  sign()
}
addEventListener('hashchange', () => {
  store.changed()
  scrollTo(0, 0)
})
addEventListener('keydown', onKey)
store.changed()
connect()
