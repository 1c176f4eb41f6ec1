import { callable } from '../core/check.ts'
import { describe, OptionTypeError } from '../core/errors.ts'
import { type CompositePart, composite } from '../limiters/composite/composite.ts'
import type { Limiter } from '../limiters/limiter.ts'
import { isPromise } from './awaitable.ts'
import { Guard, type GuardLimit, type GuardOptions, type Judgement } from './guard.ts'

/** What judges requests. */
export interface Judge<Source> {
  /** As {@link Guard.judge}. */
  judge(
    source: Source,
    connection?: unknown,
  ): Judgement | undefined | Promise<Judgement | undefined>
}

/**
 * The guard of a limiter, or of several that have to agree; or one guard for each limiter that `options.limiter` chooses.
 *
 * @param limit counts where none is chosen
 */
export function judgeOf<Source extends object>(
  limit: GuardLimit<Source> | undefined,
  options: GuardOptions<Source>,
): Judge<Source> {
  const limiter = Array.isArray(limit) ? composite(limit as CompositePart[]) : (limit as Limiter)
  const choose = Object(options).limiter as GuardOptions<Source>['limiter']
  if (choose === undefined) return new Guard<Source>(limiter, options)
  callable('limiter', choose)
  const guards = new WeakMap<Limiter, Guard<Source>>()
  const guardOf = (chosen: Limiter | undefined): Guard<Source> => {
    const one = chosen ?? limiter
    if (typeof one?.consume !== 'function') {
      const what = `limiter must return a limiter, got ${describe(one)}`
      throw new OptionTypeError('limiter', what)
    }
    let guard = guards.get(one)
    if (guard === undefined) {
      guard = new Guard<Source>(one, options)
      guards.set(one, guard)
    }
    return guard
  }
  // What is wrong with the options is told now.
  if (limiter !== undefined) guardOf(limiter)
  return {
    judge(source, connection) {
      const chosen = choose.call(options, source, connection)
      return isPromise(chosen)
        ? chosen.then((one) => guardOf(one).judge(source, connection))
        : guardOf(chosen).judge(source, connection)
    },
  }
}
