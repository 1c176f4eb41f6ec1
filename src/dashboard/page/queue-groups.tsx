import type { JSX } from 'preact'
import { Bar } from './bar.tsx'
import { age, figure } from './format.ts'
import type { Answer } from './server.ts'
import { Head } from './table-head.tsx'
import { either, w } from './words.ts'

/** The groups of a queue with the longest backlog. */
export function QueueGroups({ answer }: { answer: Answer }): JSX.Element {
  const groups: Answer[] | undefined = answer?.groups
  const total = (groups ?? []).reduce((sum: number, group: Answer) => sum + group.waiting, 0)
  return (
    <div class="block">
      <h2>{w('Backlog by group')}</h2>
      <table>
        <Head
          names={[
            ['Group'],
            ['Waiting', 'num'],
            ['Share.', 'wide'],
            ['Oldest', 'num'],
            ['Running', 'num'],
          ]}
        />
        <tbody>
          {(groups ?? [])
            .slice(0, 8)
            .map(({ group, waiting, running: runsNow, oldest: old }: Answer) => (
              <tr key={group}>
                <td>{group || either('(all)', '(все)')}</td>
                <td class="num">
                  <b>{figure(waiting)}</b>
                </td>
                <td class="wide">
                  <Bar share={waiting / Math.max(1, total)} />
                </td>
                <td class="num">{age(old)}</td>
                <td class="num">{figure(runsNow)}</td>
              </tr>
            ))}
        </tbody>
      </table>
      {groups?.length === 0 && (
        <p class="none">{either('Nothing waits in a group.', 'В группах ничего не ждёт.')}</p>
      )}
      {answer?.among && (
        <p class="foot">
          {either(
            `Only ${answer.among} groups were looked at.`,
            `Просмотрено групп: ${answer.among}.`,
          )}
        </p>
      )}
    </div>
  )
}
