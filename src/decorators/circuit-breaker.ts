import { callback, having, known, type OptionTable } from '../core/check.ts'
import { OptionTypeError } from '../core/errors.ts'
import {
  CIRCUIT_BREAKER_OPTIONS,
  type CircuitBreakerOptions,
} from '../resilience/breaker-options.ts'
import type { BreakerCallOptions } from '../resilience/breaker-types.ts'
import { CircuitBreaker } from '../resilience/circuit-breaker.ts'
import { makeWrapper, type Wrapper } from './wrapper.ts'

/** The breaker that {@link circuitBreaker} puts before a function: one of its own, or one that is given. */
export interface CircuitBreakerDecoratorOptions<
  // biome-ignore lint/suspicious/noExplicitAny: the arguments are those of the function that is wrapped.
  This = any,
  // biome-ignore lint/suspicious/noExplicitAny: as above.
  Args extends readonly any[] = any[],
> extends CircuitBreakerOptions {
  /** A breaker of your own, instead of the options of one: to share it, watch it, isolate it. */
  breaker?: CircuitBreaker
  /** Gives the result instead of an error, also when the breaker is open; gets the error and the arguments of the call. */
  fallback?: (this: This, error: unknown, ...args: Args) => unknown
  /** Finds the caller's signal among the arguments: what ends in an error after it aborted does not count. */
  signalFn?: (this: This, ...args: Args) => AbortSignal | undefined
}

export const CIRCUIT_BREAKER_DECORATOR_OPTIONS: OptionTable<CircuitBreakerDecoratorOptions> = {
  ...CIRCUIT_BREAKER_OPTIONS,
  breaker: true,
  fallback: true,
  signalFn: true,
}

/**
 * Stops calling a function that keeps failing: as decorator of a method, or round any function.
 *
 * One breaker for all instances of a class, since a decorator is applied once. A function that returned a value returns
 * a promise of it. While the breaker is open, calls reject with CircuitBreakerOpen, which says `retryAfter`.
 *
 * @example
 * const load = circuitBreaker({ failureThreshold: 5, timeout: '30s' })(async (id: string) => fetchUser(id))
 *
 * class Api {
 *   @circuitBreaker({ failureRate: 0.5, window: '10s', fallback: (_error, user: string) => cache.get(user) })
 *   async load(user: string) { ... }
 * }
 *
 * @throws OptionTypeError | OptionRangeError at once, naming the option and its value
 */
// biome-ignore lint/suspicious/noExplicitAny: as above.
export function circuitBreaker<This = any, Args extends readonly any[] = any[]>(
  options: CircuitBreakerDecoratorOptions<This, Args> = {},
): Wrapper<This, Args> {
  known('circuitBreaker', options, CIRCUIT_BREAKER_DECORATOR_OPTIONS)
  having('breaker', options.breaker, 'call')
  callback('fallback', options.fallback)
  callback('signalFn', options.signalFn)
  const { breaker: own, fallback, signalFn, ...rest } = options
  const stray = own === undefined ? undefined : Object.keys(rest)[0]
  if (stray !== undefined) {
    throw new OptionTypeError(stray, `${stray} and breaker exclude each other: give one of them`)
  }
  const breaker = own ?? new CircuitBreaker(rest)
  if (fallback === undefined && signalFn === undefined) {
    return makeWrapper<This, Args>((_self, _args, call) => breaker.call(call))
  }
  // Only here are the arguments known to be those of the function that is wrapped.
  type OfCall<R> = (this: unknown, ...args: readonly unknown[]) => R
  const signalOf = signalFn as OfCall<AbortSignal | undefined> | undefined
  const instead = fallback as OfCall<unknown> | undefined
  return makeWrapper<This, Args>(async (self, args, call) => {
    const callOptions: BreakerCallOptions<unknown> = {}
    const signal = signalOf?.apply(self, [...args])
    if (signal !== undefined) callOptions.signal = signal
    if (instead !== undefined) callOptions.fallback = (error) => instead.call(self, error, ...args)
    return breaker.call(call, callOptions)
  })
}
