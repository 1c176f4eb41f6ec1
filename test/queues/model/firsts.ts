import type { End, Tellings } from './tellings.ts'

interface First {
  readonly n: number
  readonly putAt: number
}

/** A naive memory of the first item of each name: of own ids, or of the keys of a dedupe queue. */
export class Firsts {
  readonly #told: Tellings
  readonly #until: (first: First, end: End) => number
  readonly #perhapsUntil: (end: End) => number
  readonly #firsts = new Map<string, First>()
  /** Names that may belong to an item or not. */
  readonly #vague = new Set<string>()

  /**
   * @param until how long the name of an item that has ended is remembered
   * @param perhapsUntil how long it may be remembered
   */
  constructor(
    told: Tellings,
    until: (first: First, end: End) => number,
    perhapsUntil: (end: End) => number = () => -Infinity,
  ) {
    this.#told = told
    this.#until = until
    this.#perhapsUntil = perhapsUntil
  }

  /** Whether an item of this name is a duplicate now; `undefined` where that is not known. */
  has(name: string, now: number): boolean | undefined {
    if (this.#vague.has(name)) return undefined
    const first = this.#firsts.get(name)
    if (first === undefined) return false
    const end = this.#told.last.get(first.n)
    if (end === undefined || this.#until(first, end) > now) return true
    return this.#perhapsUntil(end) > now ? undefined : false
  }

  add(name: string, first: First): void {
    this.#firsts.set(name, first)
  }

  free(name: string): void {
    this.#firsts.delete(name)
  }

  /** An item that was not accepted has no name. */
  delete(n: number): void {
    for (const [name, first] of this.#firsts) if (first.n === n) this.#firsts.delete(name)
  }

  /** From now on nothing is known of this name. */
  doubt(name: string): void {
    this.#vague.add(name)
  }
}
