import type { Millis } from '../../core/duration.ts'
import { errorMessage, isError, property } from '../../core/error-text.ts'
import type { RetryOptions } from '../../resilience/retry.ts'

/** The state of a job in a store. */
export type StoredState = 'waiting' | 'delayed' | 'running' | 'completed' | 'dead'

/** An error as plain data, to be kept or sent to another process. */
export interface JobErrorRecord {
  readonly name: string
  readonly message: string
  readonly code?: string
  readonly stack?: string
  /** The name of the process in which it happened, if several share the store. */
  readonly by?: string
}

/** One attempt. Times are milliseconds since 1970, by the clock of the store. */
export interface TryRecord {
  readonly startedAt: Millis
  readonly endedAt?: Millis
  /** Absent while the attempt runs, and when it has succeeded. */
  readonly error?: JobErrorRecord
}

/** Options of the `put` of a job that travel with it. Plain data, without functions. */
export interface JobTerms {
  /** The longest that one attempt may take, in milliseconds. */
  readonly timeout?: Millis
  readonly retry?: number | RetryOptions
  /** Trace context (`traceparent` and the like) of the caller of `put`. */
  readonly headers?: Readonly<Record<string, string>>
}

/** A job as plain data, which stores keep and exchange. */
export interface JobRecord<T = unknown> {
  readonly id: string
  readonly item: T
  /** The higher priority goes first. */
  readonly priority: number
  readonly group: string | undefined
  /** The key of the job at the limiter of the queue. */
  readonly limiterKey: string | undefined
  /** The cost of one start of the job at the limiter. */
  readonly cost: number
  /** Attempts that ended in a failure. The next attempt is number `failures + 1`. */
  readonly failures: number
  /** How often it was claimed, the present claim included. */
  readonly deliveries: number
  /** When it was put, in milliseconds since 1970, by the clock of the store. */
  readonly createdAt: Millis
  readonly terms: JobTerms | undefined
}

/** A record with everything that a store knows about it, for display. */
export interface StoredRecord<T = unknown> extends JobRecord<T> {
  readonly state: StoredState
  /** When its first attempt began, and when it ended; in milliseconds since 1970. */
  readonly startedAt: Millis | undefined
  readonly endedAt: Millis | undefined
  /** When a delayed job becomes due, in milliseconds since 1970. */
  readonly dueAt: Millis | undefined
  /** The last value of `ctx.progress` of its handler. */
  readonly progress: unknown
  /** The result of a completed job, if results are kept. */
  readonly result: unknown
  /** The error of the last failed attempt. */
  readonly error: JobErrorRecord | undefined
  /** The last five attempts, oldest first. */
  readonly tries: readonly TryRecord[]
}

/** An error as plain data; any value may have been thrown. */
export function errorRecord(error: unknown): JobErrorRecord {
  const message = errorMessage(error)
  if (!isError(error)) return { name: 'Error', message }
  const name = property(error, 'name')
  const code = property(error, 'code')
  const stack = property(error, 'stack')
  return {
    name: typeof name === 'string' ? name : 'Error',
    message,
    ...(typeof code === 'string' && { code }),
    ...(typeof stack === 'string' && { stack }),
  }
}

/** The error of another process, as far as plain data holds it. */
export function errorOf({ name, message, code, stack }: JobErrorRecord): Error {
  const error = new Error(message)
  error.name = name
  if (stack !== undefined) error.stack = stack
  return code === undefined ? error : Object.assign(error, { code })
}
