import type { JSX } from 'preact'
import { runNow } from './confirmed-actions.ts'
import { Empty } from './empty.tsx'
import { exact, figure, hour, since, span, until } from './format.ts'
import { frozen, Pill } from './held-order.tsx'
import { Mark } from './mark.tsx'
import { levelOf } from './parts.tsx'
import { Act } from './permission.tsx'
import { sorted } from './sorted.ts'
import { link, place, type State } from './store.ts'
import { Head } from './table-head.tsx'
import { At } from './time-label.tsx'
import { either, w } from './words.ts'

export function Schedules({ state }: { state: State }): JSX.Element {
  const { filter, name: asked } = place()
  const { list, moved, hold, release } = frozen(
    'schedules',
    sorted('schedule', state.schedules, filter, ({ error, when }) => `${error} ${when}`),
    ([name]) => name,
  )
  if (Object.keys(state.schedules).length === 0)
    return (
      <Empty
        title={w('No schedule yet.')}
        text={either(
          'This view shows what ran, what runs next and what was skipped. Pass your schedulers to the page:',
          'Здесь видно, что выполнено, что дальше и что пропущено. Передайте расписания странице:',
        )}
        code={'app.use("/flow", dashboard({ schedulers: [scheduler], access }).handler)'}
      />
    )
  const left = list.filter(([, { here, next, upcoming }]) => here && next && upcoming.length === 0)
  const drawn = list.filter(([, { upcoming }]) => upcoming.length > 0)
  const x = (at: number) => ((at - state.at) / 86_400_000) * 1000
  return (
    <>
      <h1 class="page">
        {w('Schedules')}{' '}
        <small>
          <span class="key data">{either('ran, height is how long', 'шёл, высота — сколько')}</span>{' '}
          <span class="key bad">{w('failed')}</span> <span class="key hollow">{w('skipped')}</span>
        </small>{' '}
        <Pill moved={moved} release={release} />
      </h1>
      <section class="panel" {...hold}>
        <table>
          <Head
            names={[
              ['Name'],
              ['When', 'wide'],
              ['Last'],
              ['Next'],
              ['Last 20 runs', 'wide'],
              ['Skipped', 'num wide'],
              ['If it overlaps', 'wide'],
              ['Runs in', 'wide'],
              ['Actions.'],
            ]}
          />
          <tbody>
            {list.map(([name, part]) => {
              const run = part.recent.find(({ outcome }) => outcome === 'running')
              const longest = Math.max(0.001, ...part.recent.map(({ seconds }) => seconds))
              const level = levelOf('schedule', name)
              const last = part.recent.findLast(
                ({ outcome }) => outcome !== 'running' && outcome !== 'skipped',
              )
              return (
                <tr key={name} class={name === asked ? 'selected' : ''}>
                  <td>
                    <Mark level={level} />
                    <a class="row" href={link('schedules', name)}>
                      <b>{name}</b>
                    </a>
                    {part.error && <small class="error">{part.error}</small>}
                  </td>
                  <td class="wide">
                    <code>{part.when}</code>
                    <small>{part.timezone}</small>
                  </td>
                  <td>
                    {run ? (
                      <>
                        {either('running for', 'идёт')} <b>{span((state.at - run.at) / 1000)}</b>
                      </>
                    ) : last ? (
                      <At
                        at={last.at}
                        text={`${last.outcome === 'completed' ? 'ok' : w(last.outcome === 'failed' ? 'Failed' : last.outcome).toLowerCase()} ${since(last.at, state.at)}, ${span(last.seconds)}`}
                      />
                    ) : part.last ? (
                      <At at={part.last} text={since(part.last, state.at)} />
                    ) : (
                      either('not yet', 'ещё нет')
                    )}
                  </td>
                  <td>
                    {part.next ? <At at={part.next} text={until(part.next, state.at)} /> : '–'}
                  </td>
                  <td class="wide">
                    <svg
                      class="runs"
                      viewBox="0 0 120 20"
                      role="img"
                      aria-label={
                        part.recent
                          .map(({ outcome, seconds }) => `${outcome} ${span(seconds)}`)
                          .join(', ') || w('nothing yet')
                      }
                    >
                      {part.recent.map(({ at, seconds, outcome }, i) => {
                        const height = outcome === 'skipped' ? 6 : 4 + (seconds / longest) * 14
                        return (
                          <rect
                            key={at + i}
                            class={`run-${outcome}`}
                            x={i * 6 + 0.5}
                            y={19 - height}
                            width="4.5"
                            height={height}
                          >
                            <title>{`${exact(at)}: ${outcome}, ${span(seconds)}`}</title>
                          </rect>
                        )
                      })}
                    </svg>
                  </td>
                  <td class="num wide">
                    <b class={level === 'fine' ? '' : level}>{figure(part.skipped)}</b>
                  </td>
                  <td class="wide">{part.overlap}</td>
                  <td class="wide">{runsIn(state, name)}</td>
                  <td class="acts">
                    {part.here && (
                      <Act kind="plain" onClick={() => runNow(name)}>
                        {w('Run now…')}
                      </Act>
                    )}
                  </td>
                </tr>
              )
            })}
          </tbody>
        </table>
      </section>
      {drawn.length > 0 && (
        <>
          <h2>
            {w('The next 24 hours')}{' '}
            <small>{either('each mark is a run', 'каждая метка — запуск')}</small>
          </h2>
          <section class="panel block timeline">
            <div aria-hidden="true">
              <span />
              <div class="axis">
                {[0, 6, 12, 18, 24].map((hours) => (
                  <span key={hours}>
                    {hours === 0 ? w('now') : hour(state.at + hours * 3_600_000)}
                  </span>
                ))}
              </div>
              <span />
            </div>
            {drawn.map(([name, { upcoming }]) => (
              <div key={name}>
                <span>{name}</span>
                <svg
                  viewBox="0 0 1000 14"
                  preserveAspectRatio="none"
                  role="img"
                  aria-label={`${name}: ${upcoming.length}`}
                >
                  <path class="grid" d="M250 0V14M500 0V14M750 0V14M0 13.5H1000" />
                  {upcoming.map((at) => (
                    <rect key={at} class="fill-data" x={x(at)} y="3" width="3" height="8">
                      <title>{exact(at)}</title>
                    </rect>
                  ))}
                </svg>
                <span />
              </div>
            ))}
            {left.length > 0 && (
              <p class="foot">
                {left.map(([name]) => name).join(', ')}:{' '}
                {either(
                  'no run in these hours, or too many to draw.',
                  'нет запусков в эти часы или их слишком много.',
                )}
              </p>
            )}
          </section>
        </>
      )}
    </>
  )
}

/** The processes that keep a schedule, as far as they tell. */
function runsIn(state: State, name: string): string {
  const list = Object.entries(state.processes).filter(([, { schedules }]) =>
    schedules?.includes(name),
  )
  if (list.length > 2) return either(`${list.length} processes`, `процессов: ${list.length}`)
  return list.map(([process]) => process).join(', ')
}
