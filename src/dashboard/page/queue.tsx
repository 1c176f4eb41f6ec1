import type { JSX } from 'preact'
import { Act } from './act.tsx'
import { type Answer, useAnswer } from './answer.ts'
import { At } from './at.tsx'
import { Bar } from './bar.tsx'
import { Chart } from './chart.tsx'
import { matches } from './filter.ts'
import { age, since as ago, figure, PER_SECOND, span } from './format.ts'
import { Mark } from './mark.tsx'
import { doNow } from './notice.tsx'
import { levelOf, PartLink, troubleOf } from './parts.tsx'
import { pauseQueue, redrive } from './questions.ts'
import { QueueJobs } from './queue-jobs.tsx'
import { change, past, place, type State } from './store.ts'
import { either, w } from './words.ts'

const path = (name: string) => `queues/${encodeURIComponent(name)}`

const STATES = ['waiting', 'delayed', 'running', 'dead', 'completed'] as const

export function Queue({ name, state }: { name: string; state: State }): JSX.Element | null {
  const queue = state.queues[name]
  const { state: wanted, filter } = place()
  const chosen = (STATES as readonly string[]).includes(wanted)
    ? wanted
    : queue && queue.dead > 0
      ? 'dead'
      : 'waiting'
  const answer = useAnswer(path(name))
  if (queue === undefined) return null
  const trouble = troubleOf('queue', name)
  const { put, done, died = 0, run, running, workers, oldest } = queue
  const bad = trouble?.level === 'bad' ? 'bad' : trouble ? 'warn' : ''
  const [ages = [], puts = [], dones = [], runs = []] = past().series[`queue/${name}`] ?? []
  const usual = trouble?.usual ?? []
  const usually = (which: number) =>
    usual[which] ? `${w('usually')} ${figure(usual[which][1])}${PER_SECOND}` : ''
  const grows = (put ?? 0) - (done ?? 0) - died
  const earlier = state.troubles.filter(
    (each) =>
      each.kind !== 'queue' &&
      trouble &&
      each.since < trouble.since &&
      trouble.since - each.since < 120_000,
  )[0]
  const needed = run !== undefined && put !== undefined ? Math.ceil(put * run) : undefined
  const total = (answer?.groups ?? []).reduce(
    (sum: number, group: Answer) => sum + group.waiting,
    0,
  )
  const deaths = (answer?.deaths ?? []).filter(({ error }: Answer) => matches(filter, name, error))
  const pipe: [string, string, string, string][] = [
    [w('Put'), figure(put), PER_SECOND, ''],
    [w('Delayed'), figure(queue.delayed), '', ''],
    [w('Waiting'), figure(queue.waiting), '', bad],
    [
      w('Running'),
      figure(running),
      workers !== undefined && !queue.remote ? either(` of ${workers}`, ` из ${workers}`) : '',
      '',
    ],
    [w('Done'), figure(done), PER_SECOND, ''],
    [w('Dead'), figure(queue.dead), '', queue.dead > 0 ? bad : ''],
  ]
  return (
    <section class="panel main">
      <header>
        <a class="back" href="#/queues">
          ‹ {w('Queues')}
        </a>
        <h1>
          <Mark level={levelOf('queue', name, queue.paused ? 'paused' : 'fine')} />
          {name}
        </h1>
        <p>
          {[
            queue.kind,
            queue.remote
              ? either('durable in Redis', 'хранится в Redis')
              : either('in memory', 'в памяти'),
            queue.here ? '' : either('of other processes', 'других процессов'),
            queue.paused ? w('paused') : '',
          ]
            .filter(Boolean)
            .join(' · ')}
        </p>
        <div class="acts">
          {workers !== undefined && (
            <>
              <span class="label">
                {either('Workers a process', 'Работников')} <b>{workers}</b>
              </span>
              {[-1, 1].map((step) => {
                const next = Math.max(1, workers + step * Math.max(1, Math.round(workers / 5)))
                return (
                  <Act
                    key={step}
                    disabled={next === workers}
                    onClick={() =>
                      void doNow(
                        either(`${name}: ${next} workers`, `${name}: ${next}`),
                        `${path(name)}/workers`,
                        { workers: next },
                        { path: `${path(name)}/workers`, body: { workers } },
                      )
                    }
                  >
                    {step < 0 ? '−' : '+'} {Math.abs(next - workers)}
                  </Act>
                )
              })}
            </>
          )}
          <Act onClick={() => pauseQueue(name, queue)}>
            {w(queue.paused ? 'Resume everywhere…' : 'Pause everywhere…')}
          </Act>
        </div>
      </header>
      {queue.failure && (
        <p class="note bad">
          <Mark level="bad" />
          {queue.failure}
        </p>
      )}
      {trouble && !queue.failure && (
        <p class={`note ${trouble.level}`}>
          <Mark level={trouble.level} />
          <span>
            <b>
              {grows > 0.05
                ? either(
                    `Grows by ${figure(grows)} a second`,
                    `Растёт на ${figure(grows)} в секунду`,
                  )
                : either('Behind', 'Отстаёт')}{' '}
              {w('Since').toLowerCase()} <At at={trouble.since} />
            </b>
            {earlier && (
              <>
                , {span((trouble.since - earlier.since) / 1000)} {either('after', 'после')}{' '}
                <PartLink kind={earlier.kind} name={earlier.name} />
              </>
            )}
            .{' '}
            {run !== undefined &&
              either(`A run takes ${span(run)}`, `Выполнение длится ${span(run)}`) +
                (usual[3] ? `, ${w('usually')} ${span(usual[3][1])}` : '')}
            {needed !== undefined &&
              needed > running &&
              either(
                `: keeping up needs ${figure(needed)} workers`,
                `: чтобы успевать, нужно ${figure(needed)}`,
              )}
            {run !== undefined && '.'}
          </span>
        </p>
      )}
      <div class="pipe">
        {pipe.map(([label, value, unit, level]) => (
          <div key={label}>
            <small>{label}</small>
            <b class={level}>
              {value}
              <small>{unit}</small>
            </b>
          </div>
        ))}
        <svg viewBox="0 0 600 24" preserveAspectRatio="none" aria-hidden="true">
          <rect class="fill-data" x="0" y="9" width="200" height="6" />
          <rect class="fill-light" x="100" y="14" width="85" height="10" />
          <rect
            class={bad === 'bad' ? 'fill-bad-light' : 'fill-light'}
            x="200"
            y={24 - Math.min(22, 4 + Math.log10(1 + queue.waiting) * 4)}
            width="85"
            height="24"
          />
          <path class="line data" d="M285 12H300M385 12H500" />
          {Array.from({ length: 16 }, (_, i) => (
            <rect
              key={`w${i}`}
              class={
                i < Math.ceil((running / Math.max(1, workers ?? running)) * 16)
                  ? 'fill-data'
                  : 'fill-light'
              }
              x={300 + i * 5.3}
              y="4"
              width="3.6"
              height="16"
            />
          ))}
          {queue.dead > 0 && (
            <>
              <path class="line bad dashed" d="M392 12V20H500" />
              <rect class="fill-bad-light" x="500" y="14" width="85" height="10" />
            </>
          )}
        </svg>
        {[
          usually(1),
          '',
          oldest > 0 ? either(`oldest ${span(oldest)}`, `старшая ${span(oldest)}`) : '',
          '',
          usually(2),
          died > 0 ? `+ ${figure(died * 60)} ${either('a minute', 'в минуту')}` : '',
        ].map((text, i) => (
          <small key={`p${i}`}>{text}</small>
        ))}
      </div>
      <div class="three">
        <div>
          <h2>
            {w('Oldest waits')} <b class={bad}>{age(oldest)}</b>
          </h2>
          <Chart
            lines={[{ values: ages }]}
            since={trouble?.since}
            level={trouble?.level ?? 'bad'}
            height={54}
            usual={usual[0]}
            axis
            label={`${w('Oldest waits')} ${span(oldest)}`}
          />
        </div>
        <div>
          <h2>
            {w('Put and done a second')}{' '}
            <small>
              {w('Put').toLowerCase()} {figure(put)} · {w('Done').toLowerCase()} {figure(done)}
            </small>
          </h2>
          <Chart
            lines={[
              { values: dones, tone: 'data' },
              { values: puts, tone: 'inkline', dashed: true, fill: false },
            ]}
            since={trouble?.since}
            height={54}
            axis
            label={`${w('Put')} ${figure(put)}, ${w('Done')} ${figure(done)}`}
          />
        </div>
        <div>
          <h2>
            {w('A run takes')} <b>{span(run)}</b>
          </h2>
          <Chart
            lines={[{ values: runs }]}
            since={trouble?.since}
            level={trouble?.level ?? 'bad'}
            height={54}
            usual={usual[3]}
            axis
            label={`${w('A run takes')} ${span(run)}`}
          />
        </div>
      </div>
      <div class="two-blocks">
        <div class="block">
          <h2>{w('Backlog by group')}</h2>
          <table>
            <thead>
              <tr>
                <th scope="col">{w('Group')}</th>
                <th scope="col" class="num">
                  {w('Waiting')}
                </th>
                <th scope="col" class="wide">
                  <span class="hidden">{w('Share')}</span>
                </th>
                <th scope="col" class="num">
                  {w('Oldest')}
                </th>
                <th scope="col" class="num">
                  {w('Running')}
                </th>
              </tr>
            </thead>
            <tbody>
              {(answer?.groups ?? [])
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
          {answer?.groups?.length === 0 && (
            <p class="none">{either('Nothing waits in a group.', 'По группам никто не ждёт.')}</p>
          )}
        </div>
        <div class="block">
          <div class="segments" role="group" aria-label={w('Jobs')}>
            {STATES.map((each) => (
              <button
                key={each}
                type="button"
                aria-pressed={chosen === each}
                onClick={() => change({ state: each })}
              >
                {w(each[0]!.toUpperCase() + each.slice(1))}
                {each === 'dead' && queue.dead > 0 ? ` ${figure(queue.dead)}` : ''}
              </button>
            ))}
          </div>
          {chosen === 'dead' && (
            <table>
              <thead>
                <tr>
                  <th scope="col">{w('Died of')}</th>
                  <th scope="col" class="num">
                    {w('Jobs')}
                  </th>
                  <th scope="col" class="num wide">
                    {w('First')}
                  </th>
                  <th scope="col" class="num wide">
                    {w('Last')}
                  </th>
                  <th scope="col">
                    <span class="hidden">{w('Redrive…')}</span>
                  </th>
                </tr>
              </thead>
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
          )}
        </div>
      </div>
      <QueueJobs key={chosen} name={name} chosen={chosen} />
    </section>
  )
}
