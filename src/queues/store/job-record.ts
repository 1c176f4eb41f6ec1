import type { Millis } from '../../core/duration.ts'
import { errorMessage, isError, property } from '../../core/error-text.ts'
import type { RetryOptions } from '../../resilience/retry.ts'

/** Where a job stands that a store keeps. */
export type StoredState = 'waiting' | 'delayed' | 'running' | 'completed' | 'dead'

/** An error as plain data, as it is kept or sent to another process. */
export interface JobErrorRecord {
  readonly name: string
  readonly message: string
  readonly code?: string
  readonly stack?: string
  /** The process in which it happened, by its name, where several share the store. */
  readonly by?: string
}

/** One attempt. Times are milliseconds since 1970, by the clock of the store. */
export interface TryRecord {
  readonly startedAt: Millis
  readonly endedAt?: Millis
  /** Absent while the attempt runs, and where it ended well. */
  readonly error?: JobErrorRecord
}

/** What travels with a job because its own `put` said so. Plain data: it holds no functions. */
export interface JobTerms {
  /** The longest that one attempt may take, in milliseconds. */
  readonly timeout?: Millis
  readonly retry?: number | RetryOptions
  /** Trace context (`traceparent` and the like) of the caller of `put`. */
  readonly headers?: Readonly<Record<string, string>>
}

/** What a job is, as plain data: what stores keep and exchange. */
export interface JobRecord<T = unknown> {
  readonly id: string
  readonly item: T
  /** Higher goes first. */
  readonly priority: number
  readonly group: string | undefined
  /** The key under which the limiter of the queue is asked. */
  readonly limiterKey: string | undefined
  /** What one start of it costs the limiter. */
  readonly cost: number
  /** Attempts that ended in a failure. The next attempt is number `failures + 1`. */
  readonly failures: number
  /** How often it was claimed, the present claim included. */
  readonly deliveries: number
  /** When it was put, in milliseconds since 1970, by the clock of the store. */
  readonly createdAt: Millis
  readonly terms: JobTerms | undefined
}

/** A record with all that a store knows about it, for people to look at. */
export interface StoredRecord<T = unknown> extends JobRecord<T> {
  readonly state: StoredState
  /** When its first attempt began, and when it ended; in milliseconds since 1970. */
  readonly startedAt: Millis | undefined
  readonly endedAt: Millis | undefined
  /** When a delayed job becomes due, in milliseconds since 1970. */
  readonly dueAt: Millis | undefined
  /** What its handler told last by `ctx.progress`. */
  readonly progress: unknown
  /** What it completed with, where that is kept. */
  readonly result: unknown
  /** What the last attempt failed with. */
  readonly error: JobErrorRecord | undefined
  /** The last five attempts, oldest first. */
  readonly tries: readonly TryRecord[]
}

/** What is kept of an error: plain data, whatever was thrown. */
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

/** An error as it was in the process that worked, as far as it travels. */
export function errorOf({ name, message, code, stack }: JobErrorRecord): Error {
  const error = new Error(message)
  error.name = name
  if (stack !== undefined) error.stack = stack
  return code === undefined ? error : Object.assign(error, { code })
}
