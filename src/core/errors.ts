import { property } from './error-text.ts'

/** Every code an error of aioflux can carry. Codes are stable; messages are for people and may change. */
export type AioFluxErrorCode =
  /** An option or argument that no call can work with. */
  | 'INVALID_OPTION'
  /** A cost larger than the limit will ever hold: it could never pass. */
  | 'COST_TOO_LARGE'
  /** The limit said no, and the caller asked for an exception instead of a value. */
  | 'LIMIT_EXCEEDED'
  /** What was waited for did not come, or could not come, in time. */
  | 'WAIT_TIMEOUT'
  /** The storage could not be asked, or did not answer in time. */
  | 'STORAGE_DOWN'
  /** The storage has no memory left to keep more. */
  | 'STORAGE_FULL'
  | 'UNCONFIRMED'
  /** What is stored was written by a version of aioflux that lays it out differently. */
  | 'LAYOUT'
  | 'UNKNOWN_CALL'
  /** The object was closed before, or while, it was asked. */
  | 'CLOSED'
  /** A job ran longer than it was given. */
  | 'JOB_TIMEOUT'
  /** The circuit breaker let nothing through. */
  | 'CIRCUIT_OPEN'
  /** The queue has no room, and was told to refuse then. */
  | 'QUEUE_FULL'
  /** A handler waited for room in its own queue, and only handlers that wait could make some. */
  | 'QUEUE_DEADLOCK'
  /** A job was cancelled, by its caller or by an operator. */
  | 'JOB_CANCELLED'
  /** A job failed for good, perhaps in another process. */
  | 'JOB_FAILED'
  /** The job whose result is awaited is not known any more: it was removed, or its result was kept no longer. */
  | 'JOB_GONE'
  /** A job was given up unfinished: for newer ones, by `clear()`, or because its queue stopped. */
  | 'JOB_DROPPED'
  /** A batch function answered with something that is not one result for each item. */
  | 'BATCH_RESULT'
  /** A subscriber was cut off because it did not keep up. */
  | 'SLOW_SUBSCRIBER'
  /** A lock, or leadership, is not held any more. */
  | 'LEASE_LOST'
  /** The time of a reservation was over when it was to be extended. */
  | 'RESERVATION_EXPIRED'

// Registered, so that two copies of the package in one process recognise each other's errors.
const BRAND = Symbol.for('aioflux.error')

/**
 * The root of the errors thrown by aioflux.
 *
 * `error instanceof AioFluxError` also holds for its errors that extend `TypeError` or `RangeError`,
 * and for errors of another copy of the package.
 */
export class AioFluxError extends Error {
  readonly code: AioFluxErrorCode

  constructor(code: AioFluxErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = new.target.name
    this.code = code
    brand(this)
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    // biome-ignore lint/complexity/noThisInStatic: subclasses inherit this, and ask as themselves.
    if (this === AioFluxError) return isAioFluxError(value)
    // biome-ignore lint/complexity/noThisInStatic: as above.
    return Error[Symbol.hasInstance].call(this, value)
  }
}

/**
 * True for an error of aioflux; with `code`, only for the error with that code.
 *
 * @example
 * try {
 *   await limiter.wait('user', { timeout: '1s' })
 * } catch (error) {
 *   if (!isAioFluxError(error, 'WAIT_TIMEOUT')) throw error
 * }
 */
export function isAioFluxError(
  value: unknown,
  code?: AioFluxErrorCode,
): value is Error & { code: AioFluxErrorCode } {
  if (typeof value !== 'object' || value === null || property(value, BRAND) !== true) return false
  return code === undefined || property(value, 'code') === code
}

/** An option of the wrong type. */
export class OptionTypeError extends TypeError {
  readonly code = 'INVALID_OPTION'
  /** The option or argument it is about. */
  readonly option: string

  constructor(option: string, message: string) {
    super(message)
    this.name = 'OptionTypeError'
    this.option = option
    brand(this)
  }
}

/** An option of the right type whose value cannot work. */
export class OptionRangeError extends RangeError {
  readonly code = 'INVALID_OPTION'
  /** The option or argument it is about. */
  readonly option: string

  constructor(option: string, message: string) {
    super(message)
    this.name = 'OptionRangeError'
    this.option = option
    brand(this)
  }
}

/** A cost that the limit can never grant, however long one waits. */
export class CostTooLargeError extends RangeError {
  readonly code = 'COST_TOO_LARGE'
  readonly cost: number
  /** The largest cost that can pass. */
  readonly capacity: number

  constructor(cost: number, capacity: number) {
    super(`cost must be at most ${capacity}, the most this limit ever holds, got ${cost}`)
    this.name = 'CostTooLargeError'
    this.cost = cost
    this.capacity = capacity
    brand(this)
  }
}

/** The limit said no where an exception was asked for (`onLimit: 'throw'`). */
export class LimitExceededError extends AioFluxError {
  /** Seconds until the same call can pass. */
  readonly retryAfter: number
  readonly key: string

  constructor(key: string, retryAfter: number) {
    super('LIMIT_EXCEEDED', `limit exceeded for ${quoted(key)}, retry after ${retryAfter} s`)
    this.retryAfter = retryAfter
    this.key = key
  }
}

/** A wait that ran out of time, or was refused at once because it would have. */
export class WaitTimeoutError extends AioFluxError {
  /** Seconds until it could have passed, as far as is known. */
  readonly retryAfter: number

  constructor(message: string, retryAfter: number) {
    super('WAIT_TIMEOUT', message)
    this.retryAfter = retryAfter
  }
}

/** The storage could not be asked, or did not answer in time. What it was asked may still have happened. */
export class StorageDownError extends AioFluxError {
  constructor(message: string, options?: ErrorOptions) {
    super('STORAGE_DOWN', message, options)
  }
}

/** The storage has no memory left: nothing of the call was kept. */
export class StorageFullError extends AioFluxError {
  constructor(message: string, options?: ErrorOptions) {
    super('STORAGE_FULL', message, options)
  }
}

/**
 * The storage has kept the jobs, but too few of its replicas have said in time that they have them too: if the server failed now,
 * the jobs might be lost. Put them again with their ids to be sure, as far as the ids are your own.
 */
export class UnconfirmedError extends AioFluxError {
  readonly ids: readonly string[]
  /** How many replicas have them. */
  readonly replicas: number

  constructor(
    queue: string,
    ids: readonly string[],
    replicas: number,
    wanted: number,
    options?: ErrorOptions,
  ) {
    const jobs = ids.length === 1 ? 'a job' : `${ids.length} jobs`
    super(
      'UNCONFIRMED',
      `queue ${quoted(queue)} has kept ${jobs}, and ${replicas} of ${wanted} replicas (minReplicas) have confirmed it in time`,
      options,
    )
    this.ids = ids
    this.replicas = replicas
  }
}

/** The object asked was closed. */
export class ClosedError extends AioFluxError {
  constructor(what: string) {
    super('CLOSED', `${what} is closed`)
  }
}

/** The queue has no room (`overflow: 'reject'`). */
export class QueueFullError extends AioFluxError {
  constructor(queue: string, maxSize: number) {
    super('QUEUE_FULL', `queue ${quoted(queue)} is full: the most that may wait is ${maxSize}`)
  }
}

/** A handler put into its own full queue, and every other worker waits for room already: no worker would ever make room. */
export class QueueDeadlockError extends AioFluxError {
  constructor(queue: string, maxSize: number) {
    super(
      'QUEUE_DEADLOCK',
      `a handler of queue ${describe(queue)} would wait for ever for room in it: ${maxSize} jobs are waiting, and all workers are held by handlers that wait like this one. Give the queue a larger maxSize or another overflow, give the put a timeout, or put into another queue`,
    )
  }
}

/** A job ran longer than its `timeout`. Also the reason of its signal. */
export class JobTimeoutError extends AioFluxError {
  /** @param what the subject of the message: the job, unless a batch or a scheduled run took too long */
  constructor(id: string, seconds: number, what = `job ${id}`) {
    super('JOB_TIMEOUT', `${what} ran longer than ${seconds} s`)
  }
}

/** A circuit breaker rejected the call, and the function was not run. Has no stack, which would cost more than the rejection. */
export class CircuitBreakerOpen extends AioFluxError {
  /** Seconds until a call may pass again; `Infinity` while the breaker is isolated. */
  readonly retryAfter: number
  /** The name of the breaker. */
  readonly breaker: string

  /** @param options.cause the error of the call that opened the breaker */
  constructor(breaker: string, retryAfter: number, options?: ErrorOptions) {
    const when = retryAfter === Infinity ? 'isolated by hand' : `retry after ${retryAfter} s`
    super('CIRCUIT_OPEN', `circuit breaker ${quoted(breaker)} is open, ${when}`, options)
    this.retryAfter = retryAfter
    this.breaker = breaker
  }
}

/** A job was cancelled, by `cancel`. `cause` is the reason, where one was given. */
export class JobCancelledError extends AioFluxError {
  constructor(id: string, reason?: unknown) {
    const given = reason !== undefined && reason !== null
    super('JOB_CANCELLED', `job ${id} was cancelled`, given ? { cause: reason } : undefined)
  }
}

/** A job was given up unfinished. Jobs that are dropped together share one. */
export class JobDroppedError extends AioFluxError {
  constructor(why: string) {
    super('JOB_DROPPED', `the job was dropped: ${why}`)
  }
}

/** A job failed for good, perhaps in another process. `cause` has the name, message, code and stack of what it failed with. */
export class JobFailedError extends AioFluxError {
  constructor(id: string, cause: Error) {
    super('JOB_FAILED', `job ${id} failed: ${cause.message}`, { cause })
  }
}

/** The job of an awaited result was removed, or its result is not kept any more. */
export class JobGoneError extends AioFluxError {
  constructor(id: string) {
    super('JOB_GONE', `job ${id} is gone: it was removed, or its result was kept no longer`)
  }
}

/** A batch function did not answer with one result for each item. */
export class BatchResultError extends AioFluxError {
  constructor(items: number, got: string) {
    super('BATCH_RESULT', `a batch of ${items} needs ${items} results in order, got ${got}`)
  }
}

/** A subscriber did not keep up and was cut off (`overflow: 'disconnect'`). */
export class SlowSubscriberError extends AioFluxError {
  constructor(maxSize: number) {
    super('SLOW_SUBSCRIBER', `the subscriber was cut off with ${maxSize} items unread`)
  }
}

/** A lock, or leadership, that is not held any more. Also the reason of the lease's signal. */
export class LeaseLostError extends AioFluxError {
  /** The name of the lock; of several, joined by commas. */
  readonly lock: string
  /** The fencing token it had. */
  readonly token: number

  constructor(lock: string, token: number, why: string) {
    super('LEASE_LOST', `the lease of ${quoted(lock)} with token ${token} ${why}`)
    this.lock = lock
    this.token = token
  }
}

/** The time of a reservation was over when it was to be extended. */
export class ReservationExpiredError extends AioFluxError {
  constructor(key: string) {
    super('RESERVATION_EXPIRED', `the reservation of ${quoted(key)} is over`)
  }
}

/** A value as an error message shows it: short, quoted where it is text, with its type. */
export function describe(value: unknown): string {
  const type = typeof value
  if (value === null || value === undefined) return String(value)
  if (type === 'object') return Array.isArray(value) ? 'an array' : 'an object'
  if (type === 'function' || type === 'symbol') return `a ${type}`
  return `${type === 'string' ? quoted(value as string) : value} (${type})`
}

/** A name or key in a message, however long it is. */
export function quoted(text: string): string {
  return text.length > 60 ? `'${text.slice(0, 57)}...'` : `'${text}'`
}

function brand(error: object): void {
  Object.defineProperty(error, BRAND, { value: true })
}
