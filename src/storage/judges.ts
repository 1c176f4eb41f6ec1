import type { Rule, State } from '../core/rule.ts'

/** What judged each state last, where that was another rule than the ledger's own: a quota that a call brought. */
export class Judges {
  readonly #rules = new Map<State, Rule>()
  // The last one: calls for one key tend to follow each other.
  #state: State | undefined
  #rule: Rule | undefined

  /** Are there any? */
  get any(): boolean {
    return this.#rules.size > 0
  }

  of(state: State): Rule | undefined {
    return this.#rules.size === 0 ? undefined : this.#rules.get(state)
  }

  /** @param rule `undefined` for the ledger's own */
  set(state: State, rule: Rule | undefined): void {
    if (state === this.#state && rule === this.#rule) return
    this.#state = state
    this.#rule = rule
    if (rule === undefined) this.#rules.delete(state)
    else this.#rules.set(state, rule)
  }

  forget(state: State): void {
    if (this.#rules.size === 0) return
    this.#rules.delete(state)
    this.#state = undefined
  }
}
