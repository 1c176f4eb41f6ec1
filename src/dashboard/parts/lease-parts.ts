import type { Coordinator } from '../../coordination/coordinator.ts'
import type { AwaitedLock } from '../../coordination/lease.ts'
import type { Millis } from '../../core/duration.ts'
import type { SurveyedLease } from '../../core/survey.ts'
import type { LeaderState, LockState } from '../state.ts'
import { dictionary } from './dictionary.ts'

/** How many changes of a leader are remembered. */
const MOST_CHANGES = 20
/** How many locks are shown. */
const MOST_LOCKS = 200
/** How long an election without a leader is a trouble. */
const NEWS: Millis = 3_600_000
/** Tokens are times in microseconds. After a clock was set back they are only numbers, and may be below this. */
const OLDEST = 1.5e15

interface Known {
  token: number | undefined
  readonly changes: [number, string][]
}

/** The leaders and the holders of locks: of the coordinators of this process, and of all others as the storage tells. */
export class LeaseParts {
  readonly #coordinators: readonly Coordinator[]
  readonly #known = new Map<string, Known>()
  leaders: Record<string, LeaderState> = {}
  locks: Record<string, LockState> = {}

  constructor(coordinators: readonly Coordinator[]) {
    this.#coordinators = coordinators
  }

  /** The elections that this process leads and the locks that it holds: name and token. */
  held(): { leads: [string, number][]; locks: [string, number][] } {
    const leads: [string, number][] = []
    const locks: [string, number][] = []
    for (const coordinator of this.#coordinators) {
      const { lockName, leadership } = coordinator
      for (const lease of coordinator.held()) {
        if (lease === leadership) leads.push([lockName, lease.token])
        else for (const [name, token] of lease.tokens) locks.push([name, token])
      }
    }
    return { leads, locks: locks.slice(0, MOST_LOCKS) }
  }

  /** The locks for which this process waits. */
  awaited(): AwaitedLock[] {
    return this.#coordinators.flatMap((coordinator) => coordinator.awaited()).slice(0, MOST_LOCKS)
  }

  /**
   * @param self the name of this process
   * @param found the leases in the storage, if it can be reached
   * @param elections names that are known to be elections of other processes
   * @param wanted the elections that a process leads, as it told last
   * @param holderOf the holder of a token, as other processes told
   */
  sample(
    now: Millis,
    self: string,
    found: readonly SurveyedLease[] | undefined,
    elections: ReadonlySet<string>,
    wanted: ReadonlySet<string>,
    holderOf: (name: string, token: number) => string | undefined,
    awaitedElsewhere: readonly (readonly [string, AwaitedLock])[],
  ): void {
    const waits = new Waits([
      ...this.awaited().map((lock) => [self, lock] as const),
      ...awaitedElsewhere,
    ])
    const leaders = dictionary<LeaderState>()
    const locks = dictionary<LockState>()
    const stands = new Set(this.#coordinators.map(({ lockName }) => lockName))
    const lead = (name: string, leader: string | undefined, token = 0, left = 0, here = false) => {
      const changes = this.#note(name, token, leader ?? '', now)
      const follow = waits.processes(name)
      const missed = stands.has(name) || follow.length > 0 || wanted.has(name)
      const lately = now - (changes.at(-1)?.[0] ?? 0) < NEWS
      const since = token > OLDEST ? Math.round(token / 1e6) * 1000 : changes.at(-1)?.[0]
      leaders[name] = {
        ...(token > 0 && { leader: leader ?? '', fence: token }),
        ...(token > 0 && since !== undefined && { since }),
        left,
        follow,
        ...(token === 0 && !missed && !lately && { over: true }),
        here,
        changes: [...changes],
      }
    }
    for (const { lockName, leadership } of this.#coordinators) {
      if (leadership !== undefined) {
        lead(lockName, self, leadership.token, leadership.remaining, true)
      } else {
        const other = found?.find(({ name, left }) => name === lockName && left > 0)
        if (leaders[lockName]?.here) continue
        if (other === undefined) {
          // Without a leader there may be no candidate either: the coordinator may be there for its locks only.
          if (this.#known.has(lockName)) lead(lockName, undefined)
        } else {
          lead(lockName, holderOf(lockName, other.token), other.token, other.left)
        }
      }
    }
    for (const coordinator of this.#coordinators) {
      for (const lease of coordinator.held()) {
        if (lease === coordinator.leadership) continue
        for (const [name, token] of lease.tokens) {
          locks[name] = lockOf(self, token, lease.remaining, waits.of(name))
        }
      }
    }
    for (const { name, token, left } of found ?? []) {
      if (name in leaders || name in locks) continue
      const holder = holderOf(name, token)
      if (elections.has(name)) lead(name, holder, left > 0 ? token : 0, left)
      else if (left > 0) locks[name] = lockOf(holder, token, left, waits.of(name))
    }
    // The leases of these elections have ended, maybe with all their candidates.
    for (const name of elections) if (!(name in leaders)) lead(name, undefined)
    this.leaders = leaders
    const byWait = Object.entries(locks).sort(
      ([, { longest: a = 0 }], [, { longest: b = 0 }]) => b - a,
    )
    this.locks = Object.fromEntries(byWait.slice(0, MOST_LOCKS))
  }

  #note(name: string, token: number, leader: string, now: Millis): [number, string][] {
    let known = this.#known.get(name)
    if (known === undefined) {
      known = { token: undefined, changes: [] }
      this.#known.set(name, known)
    }
    if (known.token !== token) {
      if (token > 0 || known.token !== undefined) {
        const began = token > OLDEST && known.token === undefined ? token / 1000 : now
        known.changes.push([Math.round(began), leader])
        if (known.changes.length > MOST_CHANGES) known.changes.shift()
      }
      known.token = token
    }
    return known.changes
  }
}

/** The waits of processes for locks, as far as they tell. */
class Waits {
  readonly #processes = new Map<string, Set<string>>()
  readonly #locks = new Map<string, { waiting: number; longest: number }>()

  constructor(awaited: readonly (readonly [process: string, lock: AwaitedLock])[]) {
    for (const [process, { name, waiting, longest }] of awaited) {
      const processes = this.#processes.get(name) ?? new Set()
      this.#processes.set(name, processes.add(process))
      const known = this.#locks.get(name) ?? { waiting: 0, longest: 0 }
      this.#locks.set(name, {
        waiting: known.waiting + waiting,
        longest: Math.max(known.longest, longest),
      })
    }
  }

  processes(name: string): string[] {
    return [...(this.#processes.get(name) ?? [])]
  }

  of(name: string): { waiting: number; longest: number } | undefined {
    return this.#locks.get(name)
  }
}

function lockOf(
  holder: string | undefined,
  token: number,
  left: number,
  waits: { waiting: number; longest: number } | undefined,
): LockState {
  return {
    ...waits,
    ...(holder !== undefined && { holder }),
    fence: token,
    ...(token > OLDEST && { since: Math.round(token / 1e6) * 1000 }),
    left,
  }
}
