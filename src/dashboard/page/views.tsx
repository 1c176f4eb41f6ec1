import type { JSX } from 'preact'
import { bytes, exact, figure, percent, since, span, until } from './format.ts'
import { levelOf } from './now.tsx'
import { closeNow, isolate, runNow } from './questions.ts'
import { link, place, type State } from './store.ts'
import {
  Act,
  At,
  Bar,
  Chart,
  Empty,
  Figure,
  Mark,
  matches,
  PartLink,
  Pill,
  troubleOf,
  useFrozen,
} from './ui.tsx'
import { either, w } from './words.ts'

function sorted<P>(
  kind: string,
  parts: Readonly<Record<string, P>>,
  filter: string,
  text: (part: P) => string = () => '',
): [string, P][] {
  const rank = (name: string) => ['bad', 'warn', undefined].indexOf(troubleOf(kind, name)?.level)
  return Object.entries(parts)
    .filter(([name, part]) => matches(filter, name, text(part)))
    .sort(([a], [b]) => rank(a) - rank(b))
}

function Head({ names }: { names: readonly (readonly [string, string?])[] }): JSX.Element {
  return (
    <thead>
      <tr>
        {names.map(([name, kind], i) => (
          <th key={`${name}${i}`} scope="col" class={kind}>
            {name ? w(name) : <span class="hidden">·</span>}
          </th>
        ))}
      </tr>
    </thead>
  )
}

function Switch({ is }: { is: string }): JSX.Element {
  const arm = {
    closed: 'M11 8H21',
    half_open: 'M11 8 20 4',
    open: 'M11 8 19 1',
    isolated: 'M11 8 17 1M22 1V8',
  }[is]
  return (
    <svg class={`switch ${is}`} viewBox="0 0 32 12" aria-hidden="true">
      <path d={`M0 8H8M24 8H32${arm}`} />
      <circle cx="9.5" cy="8" r="2" />
      <circle cx="22.5" cy="8" r="2" />
    </svg>
  )
}

export function Breakers({ state }: { state: State }): JSX.Element {
  const { name: asked, filter } = place()
  const { list, moved, hold, release } = useFrozen(
    sorted('breaker', state.breakers, filter, ({ error }) => error ?? ''),
    ([name]) => name,
  )
  if (Object.keys(state.breakers).length === 0)
    return (
      <Empty
        title={w('No breaker yet.')}
        text={either(
          'Here you will see which service is cut off, since when and of what. Hand your breakers to the page:',
          'Здесь видно, какой сервис отключён и почему. Передайте предохранители странице:',
        )}
        code={'app.use("/flow", dashboard({ breakers: [gateway], access }).handler)'}
      />
    )
  const name = asked ?? list[0]?.[0]
  const breaker = name === undefined ? undefined : state.breakers[name]
  const trouble = name === undefined ? undefined : troubleOf('breaker', name)
  const [, passing = [], failing = []] = state.past.series[`breaker/${name}`] ?? []
  const soon = trouble
    ? state.troubles.filter(
        (each) =>
          each !== trouble && each.since >= trouble.since && each.since - trouble.since < 120_000,
      )
    : []
  const did = state.happened
    .filter((each) => each.kind === 'breaker' && each.name === name)
    .slice(-8)
    .reverse()
  return (
    <>
      <h1 class="page">
        {w('Breakers')} <Pill moved={moved} release={release} />
      </h1>
      <section class="panel" {...hold}>
        <table>
          <Head
            names={[
              ['Name'],
              ['State'],
              ['For', 'num'],
              ['Failed', 'num'],
              ['Refused', 'num'],
              ['Next', 'wide'],
              ['Last 30 min', 'wide chartcell'],
              ['Last error', 'wide'],
              [''],
            ]}
          />
          <tbody>
            {list.map(([each, part]) => {
              const its = troubleOf('breaker', each)
              const levels = state.past.series[`breaker/${each}`]?.[0]
              return (
                <tr key={each} class={each === name ? 'selected' : ''}>
                  <td>
                    <Switch is={part.state} />
                    <a class="row" href={link('breakers', each)}>
                      <b>{each}</b>
                    </a>
                  </td>
                  <td>
                    <b class={its?.level}>{w(part.state).replace('_', ' ')}</b>
                  </td>
                  <td class="num">
                    <At at={part.since} text={span((state.at - part.since) / 1000)} />
                  </td>
                  <td class="num">
                    {part.calls > 0
                      ? either(
                          `${part.failedOf} of ${part.calls}`,
                          `${part.failedOf} из ${part.calls}`,
                        )
                      : part.inARow}
                  </td>
                  <td class="num">{figure(part.refused)}/s</td>
                  <td class="wide">
                    {part.state === 'open' && part.retryAfter !== undefined
                      ? either(
                          `probe in ${span(part.retryAfter)}`,
                          `проба через ${span(part.retryAfter)}`,
                        )
                      : ''}
                  </td>
                  <td class="wide chartcell">
                    {levels && (
                      <Chart
                        times={state.past.times}
                        lines={[{ values: levels }]}
                        most={2}
                        now={state.at}
                        since={its?.since}
                        level={its?.level ?? 'bad'}
                        height={22}
                        label={`${each}: ${part.state}`}
                      />
                    )}
                  </td>
                  <td class="wide error">
                    <code>{part.error}</code>
                  </td>
                  <td class="acts">
                    {part.state !== 'isolated' && (
                      <Act kind="plain" onClick={() => isolate(each)}>
                        {w('Isolate…')}
                      </Act>
                    )}
                    {part.state !== 'closed' && (
                      <Act onClick={() => closeNow(each)}>
                        {w(part.state === 'isolated' ? 'Reset…' : 'Close now…')}
                      </Act>
                    )}
                  </td>
                </tr>
              )
            })}
          </tbody>
        </table>
        {name !== undefined && breaker && (
          <div class="two-blocks">
            <div class="block">
              <h2>
                {name}: {w('Calls a second').toLowerCase()}
              </h2>
              <Chart
                times={state.past.times}
                lines={[
                  { values: passing, tone: 'data' },
                  { values: failing, tone: 'bad' },
                ]}
                now={state.at}
                since={trouble?.since}
                height={80}
                usual={false}
                axis
                label={`${name}: ${figure(breaker.passing)}/s, ${figure(breaker.failing)}/s`}
              />
            </div>
            <div class="block">
              <h2>{either('What it did', 'Что было')}</h2>
              <ol class="happened">
                {did.map((each) => (
                  <li key={each.id}>
                    <At at={each.at} />
                    <Mark level={each.phase === 'began' ? (each.level ?? 'warn') : 'fine'} />
                    <span>
                      {each.action ??
                        `${w(each.code ?? '').replace('_', ' ')}${each.phase === 'ended' ? either(' is over', ': прошло') : ''}`}{' '}
                      {each.who} {each.reason}
                    </span>
                  </li>
                ))}
                {did.length === 0 && (
                  <li class="none">
                    {either('Nothing since this process looks.', 'Пока ничего.')}
                  </li>
                )}
              </ol>
            </div>
          </div>
        )}
        <p class="foot">
          {soon.length > 0 && (
            <>
              {either('Began within two minutes of it: ', 'Началось в течение двух минут: ')}
              {soon.map((each) => (
                <span key={each.name}>
                  <PartLink kind={each.kind} name={each.name} /> <At at={each.since} />{' '}
                </span>
              ))}
              .{' '}
            </>
          )}
          {either(
            'Isolating refuses every call until you reset; closing now lets every call through to a service that may be down.',
            'Изоляция отклоняет все вызовы до сброса; замыкание пропускает все к сервису, который может лежать.',
          )}
        </p>
      </section>
    </>
  )
}

export function Schedules({ state }: { state: State }): JSX.Element {
  const { filter, name: asked } = place()
  const { list, moved, hold, release } = useFrozen(
    sorted('schedule', state.schedules, filter, ({ error, when }) => `${error} ${when}`),
    ([name]) => name,
  )
  if (Object.keys(state.schedules).length === 0)
    return (
      <Empty
        title={w('No schedule yet.')}
        text={either(
          'Here you will see what ran, what runs next and what was skipped. Hand your schedulers to the page:',
          'Здесь видно, что выполнено, что дальше и что пропущено. Передайте расписания странице:',
        )}
        code={'app.use("/flow", dashboard({ schedulers: [scheduler], access }).handler)'}
      />
    )
  const drawn = list.filter(([, { upcoming }]) => upcoming.length > 0)
  const x = (at: number) => ((at - state.at) / 86_400_000) * 1000
  return (
    <>
      <h1 class="page">
        {w('Schedules')} <Pill moved={moved} release={release} />
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
              [''],
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
                        {either('runs,', 'идёт')} <b>{span((state.at - run.at) / 1000)}</b>
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
                      aria-label={part.recent
                        .map(({ outcome, seconds }) => `${outcome} ${span(seconds)}`)
                        .join(', ')}
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
          </section>
        </>
      )}
    </>
  )
}

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
              'Nobody leads. A Coordinator that stands for election is shown here: hand it in as coordinators, or its storage as storage.',
              'Лидеров нет. Передайте coordinators или storage.',
            )}
          </p>
        ) : (
          <table>
            <Head
              names={[
                ['Election'],
                ['Leader'],
                ['Fence', 'num'],
                ['For', 'num'],
                ['Lease left', 'num'],
                ['changes', 'wide'],
              ]}
            />
            <tbody>
              {leaders.map(([name, { leader, fence, since: began, left, changes, here }]) => (
                <tr key={name}>
                  <td>
                    <Mark level={levelOf('leader', name)} />
                    <b>{name}</b>
                  </td>
                  <td>
                    {leader === undefined ? (
                      <b class="warn">{w('nobody')}</b>
                    ) : (
                      leader || either('of another process', 'другой процесс')
                    )}
                    {here && <small>{either('this process', 'этот процесс')}</small>}
                  </td>
                  <td class="num">
                    <code>{fence}</code>
                  </td>
                  <td class="num">
                    {began && leader !== undefined ? (
                      <At at={began} text={span((state.at - began) / 1000)} />
                    ) : (
                      ''
                    )}
                  </td>
                  <td class="num">{span(left)}</td>
                  <td class="wide">
                    {changes.slice(-5).map(([at, who]) => (
                      <span key={at} class="change">
                        <At at={at} /> {who || w('nobody')}
                      </span>
                    ))}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
      </section>
      <h2>
        {w('Locks held')} <small>{locks.length}</small>
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
                ['Held for', 'num'],
                ['Lease left', 'num'],
                ['', 'wide'],
              ]}
            />
            <tbody>
              {locks.map(([name, { holder, fence, since: began, left }]) => (
                <tr key={name}>
                  <td>
                    <Mark level="fine" />
                    <code>{name}</code>
                  </td>
                  <td>{holder ?? either('another process', 'другой процесс')}</td>
                  <td class="num wide">
                    <code>{fence}</code>
                  </td>
                  <td class="num">
                    {began ? <At at={began} text={span((state.at - began) / 1000)} /> : ''}
                  </td>
                  <td class="num">{span(left)}</td>
                  <td class="wide">
                    <Bar share={left / 10} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
        <p class="foot">
          {either(
            'Locks are not broken from here: whoever holds one would go on believing it. Stop the holder, and the lock is free when its lease ends.',
            'Отсюда блокировки не снимают: держатель продолжал бы в неё верить. Остановите держателя, и она освободится с концом аренды.',
          )}
        </p>
      </section>
    </>
  )
}

export function Processes({ state }: { state: State }): JSX.Element {
  const { filter, name: asked } = place()
  const list = sorted('process', state.processes, filter, ({ host }) => host ?? '')
  const pools = Object.entries(state.pools).filter(([name]) => matches(filter, name))
  return (
    <>
      <h1 class="page">
        {w('Processes')}{' '}
        <small>{either('a process is silent after 15 s', 'молчит — через 15 с')}</small>
      </h1>
      <section class="panel">
        <table>
          <Head
            names={[
              ['Process'],
              ['Host and pid', 'wide'],
              ['Version', 'wide'],
              ['Up', 'num'],
              ['Heard', 'num'],
              ['Loop late', 'num'],
              ['', 'wide chartcell'],
              ['CPU', 'num'],
              ['Works on', 'wide'],
              ['Leader', 'wide'],
            ]}
          />
          <tbody>
            {list.map(([name, part]) => {
              const trouble = troubleOf('process', name)
              const late = state.past.series[`process/${name}`]?.[0]
              return (
                <tr key={name} class={name === asked ? 'selected' : ''}>
                  <td>
                    <Mark level={levelOf('process', name)} />
                    <b>{name}</b>
                    {part.here && <small>{either('this page', 'эта страница')}</small>}
                  </td>
                  <td class="wide">{[part.host, part.pid].filter(Boolean).join(' · ')}</td>
                  <td class="wide">{part.runtime}</td>
                  <td class="num">
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
                        times={state.past.times}
                        lines={[{ values: late }]}
                        now={state.at}
                        since={trouble?.since}
                        level="warn"
                        height={22}
                        most={0.05}
                        label={`${name}: ${span(part.late)}`}
                      />
                    )}
                  </td>
                  <td class="num">{part.cpu === undefined ? '–' : percent(part.cpu)}</td>
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
        {list
          .filter(([name]) => troubleOf('process', name)?.code === 'silent')
          .slice(0, 3)
          .map(([name, { heard }]) => (
            <p key={name} class="note warn">
              <Mark level="silent" />
              <span>
                <b>
                  {name}: {w('silent')} {span((state.at - heard) / 1000)}.
                </b>{' '}
                {either(
                  'Its jobs go to others as their leases end. It may still be running: what it writes with an old fence is refused where you check it.',
                  'Задания перейдут к другим с концом аренды. Он может ещё работать: записи со старым номером отклоняются там, где его проверяют.',
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
                  ['', 'wide'],
                  ['Waiting', 'num'],
                  ['Done', 'num'],
                ]}
              />
              <tbody>
                {pools.map(([name, { workers, min, max, running, waiting, done }]) => (
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
                    <td class="num">{figure(done)}/s</td>
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
                  ? either('policy: may evict jobs', 'может вытеснить задания')
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
