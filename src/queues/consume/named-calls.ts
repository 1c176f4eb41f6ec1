import type { Millis } from '../../core/duration.ts'
import { AioFluxError, describe, OptionTypeError } from '../../core/errors.ts'
import type { Handler } from '../job.ts'
import type { Attempt } from './attempt.ts'
import type { Attempts } from './attempts.ts'

/** How long a call is left to other processes by one that does not know its function. */
const ELSEWHERE: Millis = 100

/** A call of a function that another process may do: the item that `queued` puts over a storage. */
export interface NamedCall {
  readonly name: string
  readonly args: readonly unknown[]
}

// biome-ignore lint/suspicious/noExplicitAny: the functions of any user.
type AnyFunction = (...args: any[]) => unknown

/** The functions whose calls this process does, by name. */
export class NamedCalls {
  readonly #functions = new Map<string, AnyFunction>()
  readonly #queue: string
  readonly #attempts: Attempts
  readonly #trouble: (error: unknown) => void
  readonly #missing = new Set<string>()

  /** @param trouble told of calls whose function is missing here, and of jobs that could not be given back */
  constructor(queue: string, attempts: Attempts, trouble: (error: unknown) => void) {
    this.#queue = queue
    this.#attempts = attempts
    this.#trouble = trouble
  }

  /** @throws OptionTypeError where another function has that name */
  add(name: string, fn: AnyFunction): void {
    const known = this.#functions.get(name)
    if (known !== undefined && known !== fn) {
      throw new OptionTypeError(
        'name',
        `name must belong to one function of queue '${this.#queue}', and another function is called '${name}' already: give one of them another name`,
      )
    }
    this.#functions.set(name, fn)
  }

  readonly handler: Handler = (item: unknown, context) => {
    const { name, args } = Object(item) as Partial<NamedCall>
    if (typeof name !== 'string' || !Array.isArray(args)) {
      throw new OptionTypeError(
        'item',
        `item of queue '${this.#queue}' must be a call, { name, args }, got ${describe(item)}`,
      )
    }
    const fn = this.#functions.get(name)
    if (fn !== undefined) return fn(...args)
    this.#miss(name)
    this.#leave(context as Attempt)
  }

  /** Other processes have the function: the job is theirs. */
  #leave(attempt: Attempt): void {
    const kept = this.#attempts.release(attempt, ELSEWHERE)
    if (typeof kept !== 'boolean') kept.catch(this.#trouble)
  }

  /** Tells of a name that this process does not know: once. */
  #miss(name: string): void {
    if (this.#missing.has(name)) return
    this.#missing.add(name)
    this.#trouble(
      new AioFluxError(
        'UNKNOWN_CALL',
        `queue '${this.#queue}' has a call of '${name}', and no function '${name}' is queued in this process: the call is left to others`,
      ),
    )
  }
}
