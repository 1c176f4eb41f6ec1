import type { Millis } from '../../core/duration.ts'
import type { Uniqueness } from '../../queues/store/job-store.ts'
import { DEFAULT_TERMS, type JobStoreTerms } from './terms.ts'
import type { StoreCapability } from './under-exam.ts'

/** Numbers and choices of one run, the same for the same seed. */
export interface Chance {
  /** A whole number from 0 up to `below`. */
  number(below: number): number
  pick<V>(choices: readonly V[]): V
  /** True once in `times`. */
  once(times: number): boolean
}

/** What one run is about. */
export interface ModelPlan {
  readonly what: 'plain' | 'ids' | 'unique' | 'groups' | 'keys'
  /** True where jobs have groups. */
  readonly groups: boolean
  readonly terms: JobStoreTerms
  readonly maxSize: number
  /** Leases that may run out, or leases that never do. */
  readonly leases: readonly Millis[]
}

const MODES = ['pending', 'ttl', 'coalesce', 'latest'] as const

/** Draws what a run is about, of what the store can do. */
export function drawPlan(chance: Chance, cannot: readonly StoreCapability[]): ModelPlan {
  const can = (capability: StoreCapability) => !cannot.includes(capability)
  const modes = MODES.filter(can)
  const what = chance.pick([
    ...(['plain', 'plain', 'ids', 'ids'] as const),
    ...(modes.length > 0 ? (['unique', 'unique'] as const) : []),
    ...(can('groups') ? (['groups', 'groups'] as const) : []),
    ...(can('concurrency') ? (['keys'] as const) : []),
  ])
  const groups = what === 'groups' || (what === 'unique' && can('groups') && chance.once(2))
  // All of these are odd and the clock moves by even numbers, so no two of them fall on the same moment.
  const unique: Uniqueness | undefined =
    what === 'unique' ? { mode: chance.pick(modes), ttl: 501, delay: 0, maxDelay: 0 } : undefined
  const terms: JobStoreTerms = {
    ...DEFAULT_TERMS,
    maxDeliveries: 1 + chance.number(2),
    keep: {
      completed: chance.once(2) ? { age: 0, count: 0 } : { age: 2001, count: 1000 },
      dead: chance.once(4) ? { age: 0, count: 0 } : { age: 5001, count: 1000 },
    },
    resultTtl: 1501,
    idTtl: chance.pick([1, 3001]),
    groupConcurrency: groups ? chance.pick([undefined, 1, 2, 3]) : undefined,
    limiter: what === 'keys' ? { kind: 'concurrency', limit: 1 + chance.number(2) } : undefined,
    unique,
  }
  return {
    what,
    groups,
    terms,
    maxSize: chance.once(3) ? 6 : 1_000_000,
    leases: can('leases') ? [101, 1001, 1e9 + 1] : [1e9 + 1],
  }
}
