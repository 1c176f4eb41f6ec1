import type { Millis } from '../../core/duration.ts'
import type { DashboardState, Trouble, TroubleCode, TroubleKind } from '../state.ts'

/** How long an ended trouble is shown: a trouble that comes and goes each second is one trouble. */
const LINGERS: Millis = 10_000
/** How long a due job may wait, in seconds, before it is late, and before it is far too late. */
const LATE = 10
const FAR_TOO_LATE = 30
/** A limiter is a trouble when it denies this share of its calls, and at least one call a second. */
const SHARE = 0.05
/** An election is a trouble when its leader changes more often than this within this time. */
const CHANGES = 3
const CHANGES_WITHIN: Millis = 600_000
/** A process that was not heard for this time is silent. */
export const SILENT: Millis = 15_000
/** An event loop is a trouble when it is late by this, in seconds. */
const LOOP_LATE = 1
/** How long a failed or skipped run is a trouble. */
const SCHEDULE_NEWS: Millis = 3_600_000

interface Found {
  readonly kind: TroubleKind
  readonly name: string
  readonly code: TroubleCode
  readonly level: Trouble['level']
  /** The beginning, if the part itself knows it. */
  readonly since?: Millis
  /** Among troubles of one level and code, the one with more harm comes first. */
  readonly harm: number
}

interface Known {
  trouble: Trouble
  seen: Millis
  harm: number
  /** True when it was shown as broken. A trouble that changes between the two levels is announced once. */
  bad: boolean
}

/** Order of harm among troubles of one level. */
const ORDER: readonly TroubleCode[] = [
  'unreachable',
  'open',
  'behind',
  'denies',
  'leaderless',
  'half_open',
  'failed',
  'skipped',
  'changes',
  'late',
  'silent',
]

/** The present troubles, and their beginnings. */
export class Troubles {
  readonly #known = new Map<string, Known>()

  /**
   * Finds the troubles in a state.
   *
   * @param first the time since which states are checked without a break: a trouble in the first state may have begun earlier
   * @returns the troubles, worst first; those that have begun, and those that have ended
   */
  look(
    state: Omit<DashboardState, 'troubles'>,
    first: Millis,
  ): { troubles: Trouble[]; began: Trouble[]; ended: Trouble[] } {
    const now = state.at
    const began: Trouble[] = []
    const ended: Trouble[] = []
    for (const found of find(state)) {
      const id = `${found.kind}/${found.name}`
      const known = this.#known.get(id)
      const { kind, name, code, level, harm } = found
      if (known?.trouble.code === code && known.trouble.level === level) {
        known.seen = now
        known.harm = harm
        const { since } = found
        // The part may learn more about the beginning. A trouble never begins later than was shown.
        if (since !== undefined && since < known.trouble.since - 2000) {
          known.trouble = { ...known.trouble, since, exact: true }
        }
        continue
      }
      const exact = found.since !== undefined || now - first > 3000
      // A breaker that opens again after a probe was in trouble all the time.
      const since = Math.min(found.since ?? now, known?.trouble.since ?? now)
      const trouble = { kind, name, code, level, since, exact }
      const same = known?.trouble.code === code
      const bad = same && known.bad
      this.#known.set(id, { trouble, seen: now, harm, bad: bad || level === 'bad' })
      if (!same || (level === 'bad' && !bad)) began.push(trouble)
    }
    for (const [id, { trouble, seen }] of this.#known) {
      // A trouble that a part tells ends at once. A rate may be too high again in the next second.
      const linger = trouble.code === 'denies' || trouble.code === 'behind' ? LINGERS : 0
      if (now - seen <= linger) continue
      this.#known.delete(id)
      ended.push(trouble)
    }
    const troubles = [...this.#known.values()].sort(worse).map(({ trouble }) => trouble)
    return { troubles, began, ended }
  }
}

function worse(a: Known, b: Known): number {
  if (a.trouble.level !== b.trouble.level) return a.trouble.level === 'bad' ? -1 : 1
  const order = ORDER.indexOf(a.trouble.code) - ORDER.indexOf(b.trouble.code)
  return order !== 0 ? order : b.harm - a.harm
}

function* find(state: Omit<DashboardState, 'troubles'>): Iterable<Found> {
  const { at: now } = state
  for (const [name, { reachable, since }] of Object.entries(state.storage)) {
    if (reachable) continue
    yield {
      kind: 'storage',
      name,
      code: 'unreachable',
      level: 'bad',
      harm: 0,
      ...(since !== undefined && { since }),
    }
  }
  for (const [name, breaker] of Object.entries(state.breakers)) {
    const { state: is, since, refused = 0 } = breaker
    if (is !== 'open' && is !== 'half_open') continue
    const level = is === 'open' ? 'bad' : 'warn'
    yield { kind: 'breaker', name, code: is, level, since, harm: refused }
  }
  for (const [name, queue] of Object.entries(state.queues)) {
    const { oldest, paused, failure, remote } = queue
    if (failure !== undefined) {
      // When the storage itself cannot be reached, only that is shown.
      if (remote && Object.values(state.storage).some(({ reachable }) => !reachable)) continue
      yield { kind: 'queue', name, code: 'unreachable', level: 'bad', harm: 0 }
    } else if (oldest >= LATE && !paused) {
      const level = oldest >= FAR_TOO_LATE ? 'bad' : 'warn'
      // The queue began to fall behind when the oldest waiting job was put, or before.
      yield {
        kind: 'queue',
        name,
        code: 'behind',
        level,
        harm: oldest,
        since: Math.round(now - oldest * 1000),
      }
    }
  }
  for (const [name, { allowed = 0, denied = 0 }] of Object.entries(state.limiters)) {
    if (denied < 1 || denied < SHARE * (allowed + denied)) continue
    yield { kind: 'limiter', name, code: 'denies', level: 'bad', harm: denied }
  }
  for (const [name, { recent, error }] of Object.entries(state.schedules)) {
    const run = recent.find(({ outcome }) => outcome === 'running')
    const skipped = recent.filter(
      ({ outcome, at }) => run !== undefined && outcome === 'skipped' && at >= run.at,
    )
    const [first] = skipped
    if (first !== undefined) {
      const { length: harm } = skipped
      yield { kind: 'schedule', name, code: 'skipped', level: 'warn', since: first.at, harm }
      continue
    }
    const ended = recent.findLast(({ outcome }) => outcome !== 'running' && outcome !== 'skipped')
    if (ended?.outcome === 'failed' && error !== undefined && now - ended.at < SCHEDULE_NEWS) {
      yield { kind: 'schedule', name, code: 'failed', level: 'warn', since: ended.at, harm: 0 }
    }
  }
  for (const [name, { leader, changes, over }] of Object.entries(state.leaders)) {
    if (over) continue
    const lately = changes.filter(([at]) => now - at < CHANGES_WITHIN)
    if (leader === undefined) {
      const since = changes.at(-1)?.[0]
      const known = since === undefined ? {} : { since }
      yield { kind: 'leader', name, code: 'leaderless', level: 'warn', harm: 0, ...known }
    } else if (lately.length > CHANGES) {
      const since = lately[1]?.[0] ?? now
      yield { kind: 'leader', name, code: 'changes', level: 'warn', since, harm: lately.length }
    }
  }
  for (const [name, { heard, late }] of Object.entries(state.processes)) {
    if (now - heard > SILENT) {
      yield {
        kind: 'process',
        name,
        code: 'silent',
        level: 'warn',
        since: heard,
        harm: now - heard,
      }
    } else if (late > LOOP_LATE) {
      yield { kind: 'process', name, code: 'late', level: 'warn', harm: late }
    }
  }
}
