import { AioFluxError, describe, OptionTypeError } from '../../core/errors.ts'
import type { Handler, TaskContext } from '../job.ts'

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
  /** Gives back a job whose function other processes have. */
  readonly #giveBack: (attempt: TaskContext, missing: Error | undefined) => void
  readonly #missing = new Set<string>()

  constructor(queue: string, giveBack: (attempt: TaskContext, missing: Error | undefined) => void) {
    this.#queue = queue
    this.#giveBack = giveBack
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
    if (fn === undefined) return this.#giveBack(context, this.#miss(name))
    return fn(...args)
  }

  /** What is to be told of a name that this process does not know: once. */
  #miss(name: string): Error | undefined {
    if (this.#missing.has(name)) return undefined
    this.#missing.add(name)
    return new AioFluxError(
      'UNKNOWN_CALL',
      `queue '${this.#queue}' has a call of '${name}', and no function '${name}' is queued in this process: the call is left to others`,
    )
  }
}
