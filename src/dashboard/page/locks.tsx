import type { JSX } from 'preact'
import { matches } from './filter.ts'
import { figure, span } from './format.ts'
import { LeaderHistory } from './leader-history.tsx'
import { Mark } from './mark.tsx'
import { levelOf } from './parts.tsx'
import { sorted } from './sorted.ts'
import { place, type State } from './store.ts'
import { Head } from './table-head.tsx'
import { At } from './time-label.tsx'
import { either, w } from './words.ts'

export function Locks({ state }: { state: State }): JSX.Element {
  const { filter } = place()
  const leaders = sorted('leader', state.leaders, filter, ({ leader }) => leader ?? '')
  const locks = Object.entries(state.locks).filter(([name, { holder }]) =>
    matches(filter, name, holder),
  )
  return (
    <>
      <h1 class="page">
        {either('Leaders', 'Лидеры')} <small>{leaders.length}</small>
      </h1>
      <section class="panel">
        {leaders.length === 0 ? (
          <p class="none">
            {either(
              'There is no leader. This view shows elections: pass coordinators, or their storage.',
              'Лидеров нет. Здесь видны выборы: передайте coordinators или storage.',
            )}
          </p>
        ) : (
          <table>
            <Head
              names={[
                ['Election'],
                ['Leader'],
                ['Fence', 'num wide'],
                ['For', 'num'],
                ['Lease left', 'num'],
                ['Leads next', 'wide'],
                ['Last 30 min', 'wide'],
              ]}
            />
            <tbody>
              {leaders.map(
                ([name, { leader, fence, since: began, left, changes, follow, here, over }]) => (
                  <tr key={name}>
                    <td>
                      <Mark level={levelOf('leader', name)} />
                      <b>{name}</b>
                    </td>
                    <td>
                      {leader === undefined ? (
                        <b class={over ? '' : 'warn'}>{w('no leader')}</b>
                      ) : (
                        leader || either('another process', 'другой процесс')
                      )}
                      {here && <small>{either('this process', 'этот процесс')}</small>}
                    </td>
                    <td class="num wide">
                      <code>{fence}</code>
                    </td>
                    <td class="num">
                      {began && leader !== undefined ? (
                        <At at={began} text={span((state.at - began) / 1000)} />
                      ) : (
                        ''
                      )}
                    </td>
                    <td class="num">{leader === undefined ? '–' : span(left)}</td>
                    <td class="wide">
                      {follow.length > 0 ? (
                        follow
                          .map((each) =>
                            levelOf('process', each) === 'silent'
                              ? `${each} (${w('silent')})`
                              : each,
                          )
                          .join(', ')
                      ) : (
                        <b>{w('none')}</b>
                      )}
                    </td>
                    <td class="wide">
                      <LeaderHistory changes={changes} />
                    </td>
                  </tr>
                ),
              )}
            </tbody>
          </table>
        )}
      </section>
      <h2>
        {w('Locks held')}{' '}
        <small>
          {locks.length} · {either('longest wait first', 'сначала где ждут дольше')}
        </small>
      </h2>
      <section class="panel">
        {locks.length === 0 ? (
          <p class="none">{w('No lock is held.')}</p>
        ) : (
          <table>
            <Head
              names={[
                ['Lock'],
                ['Holder'],
                ['Fence', 'num wide'],
                ['Held for', 'num wide'],
                ['Lease left', 'num'],
                ['Waiting', 'num'],
                ['Longest wait', 'num wide'],
              ]}
            />
            <tbody>
              {locks.map(([name, { holder, fence, since: began, left, waiting, longest }]) => (
                <tr key={name}>
                  <td>
                    <Mark level="fine" />
                    <code>{name}</code>
                  </td>
                  <td>{holder ?? either('another process', 'другой процесс')}</td>
                  <td class="num wide">
                    <code>{fence}</code>
                  </td>
                  <td class="num wide">
                    {began ? <At at={began} text={span((state.at - began) / 1000)} /> : ''}
                  </td>
                  <td class="num">{span(left)}</td>
                  <td class="num">{waiting ? <b>{figure(waiting)}</b> : 0}</td>
                  <td class="num wide">{longest === undefined ? '' : span(longest)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
        <p class="foot">
          {either(
            'A lock cannot be taken away from here: its holder would not know and would go on. Stop the holder: the lock is free when its lease ends.',
            'Отсюда блокировку не снять: её держатель не узнал бы об этом и продолжал бы работу. Остановите его, и она освободится, когда кончится аренда.',
          )}
        </p>
      </section>
    </>
  )
}
