import { age, figure, PER_SECOND, since, span, until } from './format.ts'
import type { Level } from './mark.tsx'
import { levelOf } from './parts.tsx'
import type { State } from './store.ts'
import { w } from './words.ts'

interface Listed {
  id: string
  name: string
  says: string
  level: Level
}

export function partsOf(state: State): [string, Listed[]][] {
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
        ({ denied, wouldDeny }) =>
          wouldDeny === undefined
            ? `${figure(denied)}${PER_SECOND} ${w('denied')}`
            : `${w('shadow')}, ${figure(wouldDeny)}${PER_SECOND}`,
        ({ whatIf, wouldDeny }) => (whatIf || wouldDeny !== undefined ? 'shadow' : 'fine'),
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
        leader === undefined ? w('no leader') : `${leader || '?'} · ${fence}`,
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
