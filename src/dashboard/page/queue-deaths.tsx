import type { JSX } from 'preact'
import { redrive } from './confirmed-actions.ts'
import { matches } from './filter.ts'
import { since as ago, figure } from './format.ts'
import { Act } from './permission.tsx'
import type { Answer } from './server.ts'
import { change, place, type State } from './store.ts'
import { Head } from './table-head.tsx'
import { At } from './time-label.tsx'
import { either, w } from './words.ts'

/** What the dead jobs of a queue died of. */
export function QueueDeaths({
  name,
  answer,
  state,
}: {
  name: string
  answer: Answer
  state: State
}): JSX.Element {
  const { filter } = place()
  const { dead = 0 } = state.queues[name] ?? {}
  const deaths = (answer?.deaths ?? []).filter(({ error }: Answer) => matches(filter, name, error))
  return (
    <>
      <table>
        <Head
          names={[
            ['Died of'],
            ['Jobs', 'num'],
            ['First', 'num wide'],
            ['Last', 'num wide'],
            ['Redrive….'],
          ]}
        />
        <tbody>
          {deaths.slice(0, 10).map(({ error, count, first, last }: Answer) => (
            <tr key={error}>
              <td>
                <code>{error}</code>
              </td>
              <td class="num">
                <b>{figure(count)}</b>
              </td>
              <td class="num wide">
                <At at={first} />
              </td>
              <td class="num wide">
                <At at={last} text={ago(last, state.at)} />
              </td>
              <td class="acts">
                <button
                  type="button"
                  class="plain"
                  onClick={() => change({ filter: filter === error ? '' : error })}
                >
                  {w('List')}
                </button>
                <Act onClick={() => redrive(name, count, error)}>{w('Redrive…')}</Act>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {dead > answer?.latest && (
        <p class="foot">
          {either(
            `Of the ${figure(answer.latest)} that died last.`,
            `Из ${figure(answer.latest)}, умерших последними.`,
          )}
        </p>
      )}
    </>
  )
}
