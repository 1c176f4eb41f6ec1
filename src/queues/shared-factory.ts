import type { OptionTable } from '../core/check.ts'
import * as check from '../core/check.ts'
import { type Millis, toMillis } from '../core/duration.ts'
import { OptionTypeError } from '../core/errors.ts'
import {
  DEDUPE_OPTIONS,
  type DedupeMode,
  type DedupeOptions,
  toDedupe,
  toMode,
} from './dedupe/dedupe-options.ts'
import { fingerprint } from './dedupe/fingerprint.ts'
import { FIFO_OPTIONS, PRIORITY_OPTIONS, type PriorityOptions } from './kinds.ts'
import type { SharedQueue, SharedTerms } from './queue.ts'
import type { Codec, QueueKind, QueueOptions } from './queue-options.ts'
import { QUEUE_OPTIONS } from './queue-options.ts'
import { toCount, toPositive, toSettings, toStatedKeep } from './settings.ts'
import { DurableQueue } from './shared-queue.ts'
import type { Uniqueness } from './store/job-store.ts'
import { jsonCodec } from './store/json-codec.ts'
import type { Declaration, QueueStorage } from './store/queue-storage.ts'

const TABLES = {
  priority: withoutAging(),
  fifo: FIFO_OPTIONS,
  delay: QUEUE_OPTIONS,
  dedupe: DEDUPE_OPTIONS,
}

/** In a storage the order of two jobs is fixed when they are put. */
function withoutAging(): OptionTable<Omit<PriorityOptions<unknown, unknown>, 'aging'>> {
  const { aging: _, ...rest } = PRIORITY_OPTIONS
  return rest
}

/**
 * Makes a queue of that kind whose jobs are kept in `storage`.
 *
 * @param observes true where it is only looked at: it declares nothing
 */
export function sharedQueue<T, R>(
  kind: QueueKind,
  options: QueueOptions<T, R>,
  storage: QueueStorage,
  observes = false,
): SharedQueue<T, R> {
  const settings = toSettings(kind, options, TABLES[kind])
  if (options.name === undefined) {
    throw new OptionTypeError(
      'name',
      'name is needed with a storage: it says which queue this is; got none',
    )
  }
  const {
    limiter,
    limiterKey,
    limiterCost,
    priorityFn,
    codec = jsonCodec,
  } = options as PriorityOptions<T, R>
  check.callback('priorityFn', priorityFn)
  const keyed = (limiterKey ?? limiterCost) !== undefined
  const limit = limiter && storage.limitOf(limiter, limiterKey !== undefined)
  if (limiter !== undefined && limit === undefined && keyed) {
    throw unshared(limiter, 'by key where jobs are taken: with limiterKey or limiterCost')
  }
  const declare = (terms: SharedTerms): Declaration =>
    declarationOf(terms, storage, limiterKey !== undefined)
  const redeclare = (terms: SharedTerms): Declaration => {
    const { limiter } = terms
    check.must(
      limiter === undefined || typeof limiter?.wait === 'function',
      'limiter',
      'be a limiter',
      limiter,
    )
    const declaration = declare(terms)
    if (limiter !== undefined && declaration.limiter === undefined) {
      throw unshared(limiter, 'for all processes')
    }
    return declaration
  }
  const unique = kind === 'dedupe' ? uniqueness(options as DedupeOptions<T, R>) : undefined
  const store = storage.open<T>({
    name: options.name,
    declaration: { kind, ...declare(options as SharedTerms) },
    observes,
    codec: codec as Codec<T>,
    resultTtl: toMillis('resultTtl', options.resultTtl === undefined ? '1m' : options.resultTtl),
    idTtl: settings.idMemory,
    minReplicas: options.minReplicas ?? 0,
    maxItemBytes: options.maxItemBytes ?? 262_144,
  })
  return new DurableQueue<T, R>(options, {
    kind,
    settings,
    store,
    lease: toPositive('lease', options.lease === undefined ? '30s' : options.lease),
    rules: { options, priorityFn, ranked: kind === 'priority', unique },
    redeclare,
    limiter: limit === undefined ? limiter : undefined,
  })
}

/** @param how it was to be asked */
function unshared({ name }: { readonly name: string }, how: string): OptionTypeError {
  return new OptionTypeError(
    'limiter',
    `limiter '${name}' cannot be asked ${how}, over a storage, it must be a token bucket, a leaky bucket or a concurrency limit over the same storage`,
  )
}

/** What is said explicitly, as the processes of a queue compare it. */
function declarationOf(terms: SharedTerms, storage: QueueStorage, keyed: boolean): Declaration {
  const { groupConcurrency, limiter, maxDeliveries, mode, ttl } = terms
  const keep = terms.keep === undefined ? undefined : toStatedKeep(terms.keep)
  const limit = limiter && storage.limitOf(limiter, keyed)
  return {
    ...(groupConcurrency !== undefined && {
      groupConcurrency: toCount('groupConcurrency', groupConcurrency),
    }),
    ...(limit !== undefined && { limiter: limit }),
    ...(maxDeliveries !== undefined && {
      maxDeliveries: check.integer('maxDeliveries', maxDeliveries, 1),
    }),
    ...(keep?.completed !== undefined && { keepCompleted: keep.completed }),
    ...(keep?.dead !== undefined && { keepDead: keep.dead }),
    ...(mode !== undefined && { dedupeMode: toMode(mode as DedupeMode) }),
    ...(ttl !== undefined && { dedupeTtl: toMillis('ttl', ttl) }),
  }
}

function uniqueness<T, R>(
  options: DedupeOptions<T, R>,
): { keyOf(item: T): string; rules: Uniqueness } {
  const { keyFn } = options
  const { maxDelay, ...rules } = toDedupe(options)
  return {
    keyOf: (item) => textOf(fingerprint(keyFn === undefined ? item : keyFn(item))),
    rules: { ...rules, maxDelay: maxDelay === Infinity ? LONGEST : maxDelay },
  }
}

/** Longer than any delay, and still a whole number of milliseconds. */
const LONGEST: Millis = 2 ** 40

/** What a key begins with in a store where it is no string. A string that begins so, or is empty, is marked as one. */
const OTHER = /^(?:number|boolean|bigint|undefined):|^$/

/** 1 is not '1', and not 'number:1', in a store either. */
function textOf(key: unknown): string {
  const type = typeof key
  if (type === 'string') return OTHER.test(key as string) ? `string:${key}` : (key as string)
  if (type === 'symbol' || type === 'function' || (type === 'object' && key !== null)) {
    throw new OptionTypeError(
      'keyFn',
      `keyFn must return a string, a number, or another plain value to be known in a storage, got a ${type}`,
    )
  }
  return `${type}:${String(key)}`
}
