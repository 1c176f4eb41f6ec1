import type { JSX } from 'preact'
import type { Happening, Trouble } from '../state.ts'
import { age, figure, percent, since, span, time, until } from './format.ts'
import { closeNow, isolate, pauseQueue } from './questions.ts'
import { change, link, place, type State } from './store.ts'
import {
  Act,
  At,
  Axis,
  Chart,
  type Level,
  Mark,
  matches,
  PartLink,
  Pill,
  troubleOf,
  useFrozen,
  viewOf,
} from './ui.tsx'
import { either, w } from './words.ts'

/** What is wrong with a part, in a few words that end a sentence about it. */
function verdict(trouble: Trouble, state: State): string {
  const { code, name } = trouble
  switch (code) {
    case 'open':
      return either('is open', 'разомкнут')
    case 'half_open':
      return either('is being probed', 'на пробе')
    case 'behind': {
      const oldest = span(state.queues[name]?.oldest)
      return either(`is ${oldest} behind`, `отстаёт на ${oldest}`)
    }
    case 'denies': {
      const denied = figure(state.limiters[name]?.denied)
      return either(`denies ${denied} calls a second`, `отказывает ${denied} вызовам в секунду`)
    }
    case 'unreachable':
      return either('cannot be reached', 'недоступно')
    case 'skipped':
      return either('skips its runs', 'пропускает запуски')
    case 'failed':
      return either('failed', 'не удалось')
    case 'leaderless':
      return either('has no leader', 'без лидера')
    case 'changes':
      return either('keeps changing its leader', 'меняет лидера')
    case 'silent':
      return either('is silent', 'молчит')
    case 'late':
      return either('is too busy', 'перегружен')
  }
}

interface Row {
  says: (JSX.Element | string)[]
  value: string
  unit?: string
  label: string
  lines: { values: readonly (number | null)[] }[]
  most?: number
  actions?: JSX.Element
}

function rowOf(trouble: Trouble, state: State): Row {
  const { kind, name, code } = trouble
  const series = state.past.series[`${kind}/${name}`] ?? []
  const lines = series[0] ? [{ values: series[0] }] : []
  const now = state.at
  if (kind === 'breaker') {
    const {
      calls = 0,
      failedOf = 0,
      error,
      retryAfter,
      refused,
      inARow = 0,
    } = state.breakers[name] ?? {}
    const failed =
      calls > 0
        ? either(
            `${failedOf} of the last ${calls} calls failed. `,
            `${failedOf} из последних ${calls} вызовов неудачны. `,
          )
        : inARow > 0
          ? either(`${inARow} failures in a row. `, `${inARow} неудач подряд. `)
          : ''
    return {
      says: [
        code === 'open'
          ? either('Open. ', 'Разомкнут. ')
          : either('Half open, probes pass. ', 'Проходят пробы. '),
        failed,
        error ? <code>{error}</code> : '',
        error ? '. ' : '',
        retryAfter
          ? either(
              `Next probe in ${span(retryAfter)}.`,
              `Следующая проба через ${span(retryAfter)}.`,
            )
          : '',
      ],
      value: figure(refused),
      unit: '/s',
      label: w('calls refused'),
      lines,
      most: 2,
      actions: (
        <>
          <Act onClick={() => isolate(name)}>{w('Isolate…')}</Act>
          <Act onClick={() => closeNow(name)}>{w('Close now…')}</Act>
        </>
      ),
    }
  }
  if (kind === 'queue') {
    const queue = state.queues[name]
    const {
      put = 0,
      done = 0,
      died = 0,
      running = 0,
      workers,
      run,
      dead = 0,
      waiting = 0,
      oldest = 0,
      failure,
    } = queue ?? {}
    if (failure !== undefined || queue === undefined)
      return { says: [failure ?? ''], value: '–', label: w('unreachable'), lines }
    const grows = put - done - died
    return {
      says: [
        grows > 0.05 ? either(`Grows ${figure(grows)}/s: `, `Растёт на ${figure(grows)}/с: `) : '',
        either(
          `${figure(put)}/s put, ${figure(done)}/s done. `,
          `${figure(put)}/с положено, ${figure(done)}/с готово. `,
        ),
        workers !== undefined && running >= workers
          ? either(`All ${workers} workers busy. `, `Заняты все ${workers}. `)
          : '',
        run !== undefined
          ? either(`A run takes ${span(run)}. `, `Выполнение длится ${span(run)}. `)
          : '',
        dead > 0 ? either(`${figure(dead)} dead.`, `Мёртвых: ${figure(dead)}.`) : '',
      ],
      value: age(oldest),
      label: `${w('oldest of')} ${figure(waiting)}`,
      lines,
      actions: <Act onClick={() => pauseQueue(name, queue)}>{w('Pause…')}</Act>,
    }
  }
  if (kind === 'limiter') {
    const { allowed = 0, denied = 0, top } = state.limiters[name] ?? {}
    const list = top?.list.slice(0, 3) ?? []
    const theirs = list.reduce((sum, { rate }) => sum + rate, 0)
    const [first] = list
    const rest = Math.max(0, (top?.keys ?? 0) - list.length)
    return {
      says: first
        ? [
            either(
              `${list.length} keys get ${percent(Math.min(1, theirs / Math.max(denied, theirs)))} of it, most `,
              `${list.length} ключа: ${percent(Math.min(1, theirs / Math.max(denied, theirs)))}, больше всех `,
            ),
            <code>{first.key}</code>,
            either(` with ${figure(first.rate)}/s. `, ` — ${figure(first.rate)}/с. `),
            rest > 0
              ? either(
                  `${rest}${top?.more ? ' or more' : ''} other keys are hit now and then.`,
                  `И ещё ${rest} ключей изредка.`,
                )
              : '',
          ]
        : [],
      value: figure(denied),
      unit: '/s',
      label: `${w('denied')}, ${percent(denied / Math.max(1e-9, allowed + denied))} ${w('of calls')}`,
      lines: series[1] ? [{ values: series[1] }] : [],
      actions: (
        <>
          {first && (
            <a class="button" href={link('limiters', name, 'keys', first.key)}>
              {w('Block…')}
            </a>
          )}
          <a class="button" href={link('limiters', name)}>
            {w('What if…')}
          </a>
        </>
      ),
    }
  }
  if (kind === 'schedule') {
    const { recent = [], error } = state.schedules[name] ?? {}
    const run = recent.find(({ outcome }) => outcome === 'running')
    const skipped = recent.filter(
      ({ outcome, at }) => outcome === 'skipped' && run !== undefined && at >= run.at,
    ).length
    return code === 'skipped'
      ? {
          says: run
            ? [
                either(
                  `The run of ${time(run.at)} goes on, ${span((now - run.at) / 1000)} so far.`,
                  `Запуск ${time(run.at)} идёт уже ${span((now - run.at) / 1000)}.`,
                ),
              ]
            : [],
          value: String(skipped),
          label: w('runs skipped'),
          lines,
        }
      : { says: [error ?? ''], value: '✕', label: w('Failed'), lines }
  }
  if (kind === 'leader') {
    const { leader, changes = [], fence } = state.leaders[name] ?? {}
    return {
      says: [
        leader === undefined
          ? either('Nobody leads.', 'Никто не ведёт.')
          : either(
              `Now ${leader || 'somebody'} with fence ${fence}.`,
              `Сейчас ${leader || 'кто-то'}, номер ${fence}.`,
            ),
      ],
      value: leader === undefined ? '–' : String(changes.length),
      label: leader === undefined ? w('nobody') : w('changes'),
      lines,
    }
  }
  if (kind === 'process') {
    const { heard = now, late = 0 } = state.processes[name] ?? {}
    return code === 'silent'
      ? {
          says: [
            either(
              'Not heard of. Its jobs go to others as their leases end.',
              'Не слышно. Задания перейдут к другим, когда кончится аренда.',
            ),
          ],
          value: span((now - heard) / 1000),
          label: w('silent'),
          lines,
        }
      : {
          says: [
            either(
              'Its event loop is late: everything in it waits.',
              'Цикл событий опаздывает: всё ждёт.',
            ),
          ],
          value: span(late),
          label: w('Loop late'),
          lines,
        }
  }
  const { failure } = state.storage[name] ?? {}
  return { says: [failure ?? ''], value: '–', label: w('unreachable'), lines }
}

export function Now({ state }: { state: State }): JSX.Element {
  const { filter, sort } = place()
  const troubles = state.troubles.filter(({ name, kind, code }) =>
    matches(filter, name, kind, code),
  )
  const ordered = sort === 'start' ? troubles.toSorted((a, b) => a.since - b.since) : troubles
  const { list, moved, hold, release } = useFrozen(ordered, ({ kind, name }) => `${kind}/${name}`)
  const bad = state.troubles.filter(({ level }) => level === 'bad')
  const told = (bad.length > 0 ? bad : state.troubles).slice(0, 3)
  const begun = [...state.troubles].sort((a, b) => a.since - b.since)
  const [first] = begun
  const everything = partsOf(state)
  const fine = everything.reduce((sum, [, parts]) => sum + parts.length, 0) - state.troubles.length
  const counts = (
    <>
      {bad.length > 0 && (
        <span>
          <Mark level="bad" />
          {bad.length} {w('broken')}
        </span>
      )}
      {state.troubles.length > bad.length && (
        <span>
          <Mark level="warn" />
          {state.troubles.length - bad.length} {w('to watch')}
        </span>
      )}
      <span>
        <Mark level="fine" />
        {Math.max(0, fine)} {w('fine')}
      </span>
    </>
  )
  return (
    <>
      <h1 class="verdict">
        {told.length === 0
          ? w('Nothing is wrong.')
          : told.map((trouble, i) => (
              <span key={`${trouble.kind}/${trouble.name}`}>
                <Mark level={trouble.level} />
                <PartLink kind={trouble.kind} name={trouble.name} /> {verdict(trouble, state)}
                {i < told.length - 1 ? ', ' : '.'}
              </span>
            ))}
      </h1>
      <p class="sub">
        {first && (
          <>
            {w('Began')}{' '}
            <b>
              <At at={first.since} />
            </b>
            , {span((state.at - first.since) / 1000)} {w('ago, with')} {first.name}.
          </>
        )}{' '}
        {counts}
      </p>
      {state.troubles.length > 0 && (
        <>
          <div class="tools">
            <div class="segments" role="group" aria-label={w('What is wrong')}>
              <button
                type="button"
                aria-pressed={sort !== 'start'}
                onClick={() => change({ sort: '' })}
              >
                {w('Worst first')}
              </button>
              <button
                type="button"
                aria-pressed={sort === 'start'}
                onClick={() => change({ sort: 'start' })}
              >
                {w('By start')}
              </button>
            </div>
            <span>
              {state.at - state.since < 1_700_000 && state.past.times.length < 350 ? (
                <>
                  <b>
                    {w('Watched since')} <At at={state.past.times[0] ?? state.since} />.
                  </b>{' '}
                  {w('Dotted: nobody looked, so nothing was sampled.')}
                </>
              ) : (
                w('Grey: the usual range. A line turns to colour where trouble began.')
              )}
            </span>
            <Pill moved={moved} release={release} />
          </div>
          <section class="panel" {...hold}>
            <table class="troubles">
              <thead>
                <tr>
                  <th scope="col">{w('What is wrong')}</th>
                  <th scope="col" class="num">
                    {w('Now')}
                  </th>
                  <th scope="col">{w('Since')}</th>
                  <th scope="col" class="wide">
                    <Axis now={state.at} />
                  </th>
                  <th scope="col">
                    <span class="hidden">{w('Details')}</span>
                  </th>
                </tr>
              </thead>
              <tbody>
                {list.map((trouble) => {
                  const { kind, name, level } = trouble
                  const row = rowOf(trouble, state)
                  return (
                    <tr key={`${kind}/${name}`}>
                      <td class="what">
                        <Mark level={kind === 'process' ? 'silent' : level} />
                        <div>
                          <PartLink kind={kind} name={name}>
                            <b>{name}</b>
                          </PartLink>{' '}
                          <small>{w(kind)}</small>
                          {first === trouble && state.troubles.length > 1 && (
                            <span class="flag">⚑ {w('first to break')}</span>
                          )}
                          <p>{row.says}</p>
                        </div>
                      </td>
                      <td class="num">
                        <b class={`big ${level}`}>
                          {row.value}
                          <small>{row.unit}</small>
                        </b>
                        <small>{row.label}</small>
                      </td>
                      <td class="when">
                        {span((state.at - trouble.since) / 1000)}
                        {trouble.exact ? '' : either(' or more', ' или больше')}
                        <small>
                          <At at={trouble.since} />
                        </small>
                      </td>
                      <td class="wide">
                        {row.lines.length > 0 && (
                          <Chart
                            times={state.past.times}
                            lines={row.lines}
                            now={state.at}
                            since={trouble.since}
                            level={level}
                            height={44}
                            {...(row.most !== undefined && { most: row.most })}
                            label={`${name}: ${row.value} ${row.label}, ${w('Since')} ${time(trouble.since)}`}
                          />
                        )}
                      </td>
                      <td class="acts">
                        {row.actions ?? (
                          <PartLink kind={kind} name={name}>
                            {w('Details')}
                          </PartLink>
                        )}
                      </td>
                    </tr>
                  )
                })}
              </tbody>
            </table>
          </section>
        </>
      )}
      <div class="columns">
        <section>
          <h2>
            {w('Everything')} <small>{counts}</small>
          </h2>
          <div class="panel everything">
            {everything.map(
              ([kind, parts]) =>
                parts.length > 0 && (
                  <div key={kind} class="kind">
                    <h3>{w(kind)}</h3>
                    <ul>
                      {parts
                        .filter(({ name }) => matches(filter, name))
                        .slice(0, 200)
                        .map(({ id, name, says, level }) => (
                          <li key={name}>
                            <Mark level={level} />
                            <PartLink kind={id} name={name} />
                            <span class={level}>{says}</span>
                          </li>
                        ))}
                    </ul>
                  </div>
                ),
            )}
          </div>
        </section>
        <section>
          <h2>{w('What happened')}</h2>
          <ol class="panel happened">
            {state.happened
              .slice(-12)
              .reverse()
              .map((each) => (
                <li key={each.id}>
                  <Told each={each} />
                </li>
              ))}
            {state.happened.length === 0 && (
              <li class="none">{w('Nothing has happened since you opened this page.')}</li>
            )}
          </ol>
        </section>
      </div>
    </>
  )
}

export function Told({ each }: { each: Happening }): JSX.Element {
  const { action, who, name, target, detail, reason, code, phase, level } = each
  const mark: Level = phase === 'ended' ? 'fine' : (level ?? 'fine')
  return (
    <>
      <At at={each.at} />{' '}
      {action ? (
        <span class="person" aria-hidden="true">
          ●
        </span>
      ) : (
        <Mark level={mark} />
      )}
      <span>
        {action ? (
          <>
            <b>{who ?? either('somebody', 'кто-то')}</b> {action.replace('-', ' ')}{' '}
            <a href={link(viewOf(each.kind), name)}>{name}</a>
            {target !== undefined && (
              <>
                {' '}
                <code>{target}</code>
              </>
            )}
            {detail && ` (${detail})`}
            {reason && `: ${reason}`}
          </>
        ) : (
          <>
            <a href={link(viewOf(each.kind), name)}>{name}</a> {w(code ?? '').replace('_', ' ')}
            {phase === 'ended' && either(' is over', ': прошло')}
          </>
        )}
      </span>
    </>
  )
}

interface Listed {
  id: string
  name: string
  says: string
  level: Level
}

export function levelOf(kind: string, name: string, otherwise: Level = 'fine'): Level {
  const trouble = troubleOf(kind, name)
  return trouble === undefined ? otherwise : trouble.code === 'silent' ? 'silent' : trouble.level
}

function partsOf(state: State): [string, Listed[]][] {
  const list = <P,>(
    parts: Readonly<Record<string, P>>,
    id: string,
    says: (part: P) => string,
    otherwise?: (part: P) => Level,
  ) =>
    Object.entries(parts).map(([name, part]) => ({
      id,
      name,
      says: says(part),
      level: levelOf(id, name, otherwise?.(part)),
    }))
  return [
    [
      'Limiters',
      list(
        state.limiters,
        'limiter',
        ({ denied }) => `${figure(denied)}/s ${w('denied')}`,
        ({ whatIf }) => (whatIf ? 'shadow' : 'fine'),
      ),
    ],
    [
      'Queues',
      list(
        state.queues,
        'queue',
        ({ oldest, waiting, paused }) =>
          paused ? `${w('paused')} · ${figure(waiting)}` : `${age(oldest)} · ${figure(waiting)}`,
        ({ paused }) => (paused ? 'paused' : 'fine'),
      ),
    ],
    [
      'Breakers',
      list(
        state.breakers,
        'breaker',
        ({ state: is }) => w(is).replace('_', ' '),
        ({ state: is }) => (is === 'isolated' ? 'paused' : 'fine'),
      ),
    ],
    [
      'Schedules',
      list(state.schedules, 'schedule', ({ next, last }) =>
        next !== undefined
          ? until(next, state.at)
          : last !== undefined
            ? since(last, state.at)
            : '–',
      ),
    ],
    [
      'Leaders',
      list(state.leaders, 'leader', ({ leader, fence }) =>
        leader === undefined ? w('nobody') : `${leader || '?'} · ${fence}`,
      ),
    ],
    [
      'Processes',
      [
        ...list(state.processes, 'process', ({ heard }) =>
          state.at - heard < 15_000 ? w('Heard').toLowerCase() : span((state.at - heard) / 1000),
        ),
        ...list(state.storage, 'storage', ({ p50, reachable }) =>
          reachable ? span(p50) : w('unreachable'),
        ),
      ],
    ],
  ]
}
