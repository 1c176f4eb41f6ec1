import { callable, must, mustLie, type OptionTable } from './check.ts'
import { complain } from './error-text.ts'
import { nearest } from './nearest.ts'

/** Listens to one kind of event. What it throws, or rejects with later, never reaches the code that told it. */
export type Listener<Payload> = (payload: Payload) => void

/** Calls a listener to `what`. A failure of its own goes to the console, and stops neither the others nor the process. */
export async function tell<Payload>(
  what: string,
  listener: Listener<Payload>,
  payload: Payload,
): Promise<void> {
  try {
    // It is called at once. What is awaited is only what it may reject with.
    const answer: unknown = listener(payload)
    await answer
  } catch (error) {
    complain(`aioflux: a listener to ${what} threw`, error)
  }
}

/** @throws OptionTypeError | OptionRangeError where there is no event of that name */
export function checkEvent<Payloads extends object>(
  name: keyof Payloads,
  table: OptionTable<Payloads>,
): void {
  const known = typeof name === 'string'
  if (known && Object.hasOwn(table, name)) return
  const names = Object.keys(table)
  const what = `be the name of an event, one of ${names.join(', ')}`
  must(known, 'event', what, name)
  mustLie(false, 'event', `${what}; the nearest is ${nearest(name, names)}`, name)
}

/**
 * Typed events that cost one branch without a listener: callers ask {@link Events.heard} before they do anything, and
 * {@link Events.listened} before they build a payload: a meter counts as heard too, and needs no payload.
 */
export class Events<Payloads extends object> {
  readonly #listeners = new Map<keyof Payloads, Set<Listener<never>>>()
  readonly #names: OptionTable<Payloads>

  /** True when a listener or a meter is there. Code that is not watched asks this, and pays nothing else. */
  heard = false
  /** True when there is a listener to any event. */
  listened = false
  #metered = false

  /** @param names of all events: listening to another one is an error, since it would never come */
  constructor(names: OptionTable<Payloads>) {
    this.#names = names
  }

  /** From now on a meter counts what happens: `heard` is true, with listeners or without. */
  meter(): void {
    this.#metered = true
    this.heard = true
  }

  /** Calls `listener` at each `event` from now on; returns the way to stop that. */
  on<Name extends keyof Payloads>(name: Name, listener: Listener<Payloads[Name]>): () => void {
    checkEvent(name, this.#names)
    callable('listener', listener)
    const listeners = this.#listeners.get(name) ?? new Set()
    this.#listeners.set(name, listeners)
    listeners.add(listener)
    this.heard = true
    this.listened = true
    return () => {
      listeners.delete(listener)
      this.listened = [...this.#listeners.values()].some(({ size }) => size > 0)
      this.heard = this.listened || this.#metered
    }
  }

  /** Tells all listeners of `name`. A listener that throws is reported and does not stop the others. @returns true when there was one */
  emit<Name extends keyof Payloads>(name: Name, payload: Payloads[Name]): boolean {
    const listeners = [...(this.#listeners.get(name) ?? [])]
    for (const listener of listeners) {
      void tell(`'${String(name)}'`, listener as Listener<Payloads[Name]>, payload)
    }
    return listeners.length > 0
  }
}
