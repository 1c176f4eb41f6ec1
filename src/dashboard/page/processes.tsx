import type { JSX } from 'preact'
import { Bar } from './bar.tsx'
import { Chart } from './chart.tsx'
import { past } from './chart-range.ts'
import { Figure } from './figure.tsx'
import { matches } from './filter.ts'
import { bytes, figure, PER_SECOND, percent, since, span } from './format.ts'
import { Mark } from './mark.tsx'
import { levelOf, troubleOf } from './parts.tsx'
import { sorted } from './sorted.ts'
import { place, type State } from './store.ts'
import { Head } from './table-head.tsx'
import { At } from './time-label.tsx'
import { either, w } from './words.ts'

export function Processes({ state }: { state: State }): JSX.Element {
  const { filter, name: asked } = place()
  const list = sorted('process', state.processes, filter, ({ host }) => host ?? '')
  const silent = list.filter(([name]) => troubleOf('process', name)?.code === 'silent')
  /** How many processes have a runtime: one that no other process has stands out. */
  const alike = (runtime?: string) => list.filter(([, part]) => part.runtime === runtime).length
  const pools = Object.entries(state.pools).filter(([name]) => matches(filter, name))
  return (
    <>
      <h1 class="page">
        {w('Processes')}{' '}
        <small>
          {either(
            `${list.length - silent.length} heard, ${silent.length} silent · a process is silent after 15 s`,
            `слышно ${list.length - silent.length}, молчат ${silent.length} · процесс молчит, если его не слышно 15 с`,
          )}
        </small>
      </h1>
      <section class="panel">
        <table>
          <Head
            names={[
              ['Process'],
              ['Host and pid', 'wide'],
              ['Version', 'wide'],
              ['Up', 'num wide'],
              ['Heard', 'num'],
              ['Loop late', 'num'],
              ['Loop late.', 'wide chartcell'],
              ['CPU', 'num wide'],
              ['Works on', 'wide'],
              ['Leader', 'wide'],
            ]}
          />
          <tbody>
            {list.map(([name, part]) => {
              const trouble = troubleOf('process', name)
              const late = past().series[`process/${name}`]?.[0]
              return (
                <tr key={name} class={name === asked ? 'selected' : ''}>
                  <td>
                    <Mark level={levelOf('process', name)} />
                    <b>{name}</b>
                    {part.here && <small>{either('serves this page', 'отдаёт страницу')}</small>}
                  </td>
                  <td class="wide">{[part.host, part.pid].filter(Boolean).join(' · ')}</td>
                  <td class="wide">
                    {list.length > 2 && alike(part.runtime) === 1 ? (
                      <b class="warn">
                        {part.runtime} {either('only here', 'только здесь')}
                      </b>
                    ) : (
                      part.runtime
                    )}
                  </td>
                  <td class="num wide">
                    <At at={part.started} text={span((state.at - part.started) / 1000)} />
                  </td>
                  <td class="num">
                    <b class={trouble?.code === 'silent' ? 'warn' : ''}>
                      {state.at - part.heard < 15_000 ? w('now') : since(part.heard, state.at)}
                    </b>
                  </td>
                  <td class="num">
                    <span class={trouble?.code === 'late' ? 'warn' : ''}>{span(part.late)}</span>
                  </td>
                  <td class="wide chartcell">
                    {late && (
                      <Chart
                        lines={[{ values: late }]}
                        since={trouble?.since}
                        level="warn"
                        height={22}
                        most={0.05}
                        label={`${name}: ${span(part.late)}`}
                      />
                    )}
                  </td>
                  <td class="num wide">{part.cpu === undefined ? '–' : percent(part.cpu)}</td>
                  <td class="wide">
                    {Object.entries(part.works)
                      .map(([queue, workers]) => `${queue} ${workers}`)
                      .join(', ')}
                  </td>
                  <td class="wide">{part.leads.join(', ')}</td>
                </tr>
              )
            })}
          </tbody>
        </table>
        {silent.slice(0, 3).map(([name, { heard }]) => (
          <p key={name} class="note warn">
            <Mark level="silent" />
            <span>
              <b>
                {name}: {w('silent')} {span((state.at - heard) / 1000)}.
              </b>{' '}
              {either(
                'Its jobs go to others as their leases end. It may still be running: what it writes with an old fence is refused where you check it.',
                'Задачи перейдут к другим, когда кончится аренда. Он может ещё работать: записи со старым номером отклоняются там, где его проверяют.',
              )}
            </span>
          </p>
        ))}
      </section>
      {pools.length > 0 && (
        <>
          <h2>{w('Pools')}</h2>
          <section class="panel">
            <table>
              <Head
                names={[
                  ['Name'],
                  ['Workers', 'num'],
                  ['Busy', 'num'],
                  ['Busy.', 'wide'],
                  ['Waiting', 'num'],
                  ['Done', 'num'],
                  ['Last change', 'wide'],
                  ['Last 30 min', 'wide chartcell'],
                ]}
              />
              <tbody>
                {pools.map(([name, { workers, min, max, running, waiting, done, resized }]) => (
                  <tr key={name}>
                    <td>
                      <Mark level="fine" />
                      <b>{name}</b>
                    </td>
                    <td class="num">
                      {either(`${workers} of ${min}–${max}`, `${workers} из ${min}–${max}`)}
                    </td>
                    <td class="num">{percent(running / Math.max(1, workers))}</td>
                    <td class="wide">
                      <Bar share={running / Math.max(1, workers)} />
                    </td>
                    <td class="num">{figure(waiting)}</td>
                    <td class="num">
                      {figure(done)}
                      {PER_SECOND}
                    </td>
                    <td class="wide">
                      {resized && (
                        <At
                          at={resized.at}
                          text={either(
                            `from ${resized.from} to ${resized.to}, ${since(resized.at, state.at)}`,
                            `с ${resized.from} до ${resized.to}, ${since(resized.at, state.at)}`,
                          )}
                        />
                      )}
                    </td>
                    <td class="wide chartcell">
                      <Chart
                        lines={[{ values: past().series[`pool/${name}`]?.[0] ?? [] }]}
                        height={22}
                        label={`${name}: ${workers}`}
                      />
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </section>
        </>
      )}
      {Object.entries(state.storage).map(([name, part]) => (
        <section key={name}>
          <h2>
            Redis <small>{part.version}</small>
          </h2>
          {part.failure && (
            <p class="panel note bad">
              <Mark level="bad" />
              {part.failure}
            </p>
          )}
          {part.partial && (
            <p class="panel note warn">
              <Mark level="warn" />
              {either(
                'It has more keys than are looked through: some parts may be missing here.',
                'Ключей больше, чем просматривается: что-то может не показаться.',
              )}
            </p>
          )}
          <div class="panel figures">
            <Figure value={span(part.p50)} label={either('answer, p50', 'ответ, p50')} />
            <Figure value={span(part.p99)} label={either('answer, p99', 'ответ, p99')} />
            {part.scripts !== undefined && (
              <Figure
                value={figure(part.scripts)}
                unit={PER_SECOND}
                label={either('scripts, of all clients', 'скриптов, от всех клиентов')}
              />
            )}
            <Figure
              value={part.memory === undefined ? '–' : bytes(part.memory)}
              label={
                part.maxMemory
                  ? either(
                      `memory, ${percent((part.memory ?? 0) / part.maxMemory)} of its limit`,
                      `памяти, ${percent((part.memory ?? 0) / part.maxMemory)} предела`,
                    )
                  : either('memory, no limit', 'памяти, без предела')
              }
            />
            <Figure
              value={part.policy ?? '–'}
              label={
                part.policy?.startsWith('allkeys')
                  ? either('policy: may evict jobs', 'может вытеснить задачи')
                  : either('policy: right for queues', 'годится для очередей')
              }
              level={part.policy?.startsWith('allkeys') ? 'bad' : undefined}
            />
          </div>
        </section>
      ))}
    </>
  )
}
