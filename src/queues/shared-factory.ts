import type { OptionTable } from '../core/check.ts'
import * as check from '../core/check.ts'
import { type Millis, toMillis } from '../core/duration.ts'
import { OptionTypeError } from '../core/errors.ts'
import { DEDUPE_OPTIONS, type DedupeMode, type DedupeOptions } from './dedupe/dedupe-options.ts'
import { fingerprint } from './dedupe/fingerprint.ts'
import { FIFO_OPTIONS, PRIORITY_OPTIONS, type PriorityOptions } from './kinds.ts'
import type { Codec, QueueKind, QueueOptions, SharedQueue, SharedTerms } from './queue.ts'
import { QUEUE_OPTIONS } from './queue.ts'
import { toKept, toPositive, toSettings } from './settings.ts'
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
  checkCodec(codec)
  const keyed = (limiterKey ?? limiterCost) !== undefined
  const limit = limiter && storage.limitOf(limiter, limiterKey !== undefined)
  if (limiter !== undefined && limit === undefined && keyed) {
    throw new OptionTypeError(
      'limiter',
      `limiter '${limiter.name}' cannot be asked by key where jobs are taken: with limiterKey or limiterCost, over a storage, it must be a token bucket, a leaky bucket or a concurrency limit over the same storage`,
    )
  }
  const declare = (terms: SharedTerms): Declaration =>
    declarationOf(terms, storage, limiterKey !== undefined)
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
    declare,
    limiter: limit === undefined ? limiter : undefined,
  })
}

function checkCodec(codec: Codec<unknown>): void {
  check.having('codec', codec, 'encode')
  check.having('codec', codec, 'decode')
  check.text('codec.name', codec.name)
}

/** What is said explicitly, as the processes of a queue compare it. */
function declarationOf(terms: SharedTerms, storage: QueueStorage, keyed: boolean): Declaration {
  const { groupConcurrency, limiter, maxDeliveries, keep, mode, ttl } = terms
  const limit = limiter && storage.limitOf(limiter, keyed)
  return {
    ...(groupConcurrency !== undefined && { groupConcurrency }),
    ...(limit !== undefined && { limiter: limit }),
    ...(maxDeliveries !== undefined && {
      maxDeliveries: check.integer('maxDeliveries', maxDeliveries, 1),
    }),
    ...(keep?.completed !== undefined && {
      keepCompleted: toKept('keep.completed', keep.completed),
    }),
    ...(keep?.dead !== undefined && { keepDead: toKept('keep.dead', keep.dead) }),
    ...(mode !== undefined && { dedupeMode: mode }),
    ...(ttl !== undefined && { dedupeTtl: toMillis('ttl', ttl) }),
  }
}

function uniqueness<T, R>(
  options: DedupeOptions<T, R>,
): { keyOf(item: T): string; rules: Uniqueness } {
  const { keyFn, mode = 'ttl', ttl = 300, delay = 1, maxDelay } = options
  check.callback('keyFn', keyFn)
  const modes: readonly DedupeMode[] = ['ttl', 'pending', 'coalesce', 'latest', 'debounce']
  return {
    keyOf: (item) => textOf(fingerprint(keyFn === undefined ? item : keyFn(item))),
    rules: {
      mode: check.oneOf('mode', mode, modes),
      ttl: toMillis('ttl', ttl),
      delay: toMillis('delay', delay),
      maxDelay:
        maxDelay === undefined || maxDelay === Infinity ? LONGEST : toMillis('maxDelay', maxDelay),
    },
  }
}

/** Longer than any delay, and still a whole number of milliseconds. */
const LONGEST: Millis = 2 ** 40

/** 1 is not '1', in a store either. */
function textOf(key: unknown): string {
  const type = typeof key
  if (type === 'string') return key as string
  if (type === 'symbol' || type === 'function' || (type === 'object' && key !== null)) {
    throw new OptionTypeError(
      'keyFn',
      `keyFn must return a string, a number, or another plain value to be known in a storage, got a ${type}`,
    )
  }
  return `${type}:${String(key)}`
}
