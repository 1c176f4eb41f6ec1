import type { Rule, State } from '../core/rule.ts'

/** A state, and what judged it last: on the state itself, since a map from states to rules would cost as much as the decision. */
type JudgedState = State & { judge?: Rule | undefined }

/** What judged each state last, where that was another rule than the ledger's own: a quota that a call brought. */
export class Judges {
  /** True when there has been one. */
  any = false

  of(state: State): Rule | undefined {
    return this.any ? (state as JudgedState).judge : undefined
  }

  /** @param rule `undefined` for the ledger's own */
  set(state: State, rule: Rule | undefined): void {
    this.any = true
    const judged = state as JudgedState
    if (judged.judge !== rule) judged.judge = rule
  }
}
