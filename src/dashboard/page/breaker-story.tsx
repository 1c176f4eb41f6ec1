import type { ComponentChildren, JSX } from 'preact'
import type { BreakerChangeState } from '../state.ts'
import { span } from './format.ts'
import { Told } from './happened.tsx'
import { type Level, Mark } from './mark.tsx'
import type { State } from './store.ts'
import { At } from './time-label.tsx'
import { either, w } from './words.ts'

/** How many lines are shown. */
const MOST = 10

interface Step {
  readonly at: number
  readonly key: string
  readonly line: ComponentChildren
}

/** What a breaker did and what was done to it, the latest first: each opening with its reason, each probe that failed. */
export function BreakerStory({ name, state }: { name: string; state: State }): JSX.Element {
  const { changes = [], retryAfter, state: is } = state.breakers[name] ?? {}
  const steps: Step[] = changes.map((change, i) => ({
    at: change.at,
    key: `c${i}-${change.at}`,
    line: <Change change={change} before={changes[i - 1]} />,
  }))
  for (const each of state.happened) {
    if (each.kind !== 'breaker' || each.name !== name || each.action === undefined) continue
    steps.push({ at: each.at, key: `h${each.id}`, line: <Told each={each} /> })
  }
  const list = steps.sort((a, b) => b.at - a.at).slice(0, MOST)
  return (
    <div class="block">
      <h2>{either('What it did', 'Что было')}</h2>
      <ol class="happened">
        {is === 'open' && retryAfter !== undefined && (
          <li>
            <At at={state.at + retryAfter * 1000} /> <Mark level="fine" />
            <span>
              {either(
                `the next probe, in ${span(retryAfter)}`,
                `следующая проба через ${span(retryAfter)}`,
              )}
            </span>
          </li>
        )}
        {list.map(({ key, line }) => (
          <li key={key}>{line}</li>
        ))}
        {list.length === 0 && <li class="none">{w('nothing yet')}</li>}
      </ol>
    </div>
  )
}

const LEVELS: Record<string, Level> = { open: 'bad', half_open: 'warn', isolated: 'paused' }

function Change({
  change,
  before,
}: {
  change: BreakerChangeState
  before: BreakerChangeState | undefined
}): JSX.Element {
  const { at, state, trips = 1, openFor, error, calls = 0, failed, took } = change
  const wait =
    openFor === undefined ? '' : either(`; waits ${span(openFor)}`, `; ждёт ${span(openFor)}`)
  const counted =
    calls > 0
      ? either(`: ${failed} of ${calls} calls failed`, `: неудачны ${failed} из ${calls}`)
      : ''
  const said =
    state !== 'open'
      ? w(state).replace('_', ' ')
      : before?.state === 'half_open'
        ? either(`probe ${trips - 1} failed`, `проба ${trips - 1} не удалась`) +
          (took === undefined ? '' : either(` after ${span(took)}`, ` через ${span(took)}`))
        : either('opened', 'разомкнулся') + counted
  return (
    <>
      <At at={at} /> <Mark level={LEVELS[state] ?? 'fine'} />
      <span>
        {said}
        {error && (
          <>
            , <code>{error}</code>
          </>
        )}
        {wait}
      </span>
    </>
  )
}
