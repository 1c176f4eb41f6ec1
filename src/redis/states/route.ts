import { type Clock, systemClock } from '../../core/clock.ts'
import type { Rule } from '../../core/rule.ts'
import type { RemoteLedger } from '../../core/storage.ts'
import { stateNames } from '../key-name.ts'
import { link, type Program, paramsOf, type TimeOf } from '../scripts/link.ts'
import type { Script } from '../scripts/script.ts'

/** The name of a key's state, for each rule. */
export type Names = readonly ((key: string) => string)[]

/** What all calls for a list of ledgers have in common, while their rules stay the same. */
export class Route {
  readonly rules: readonly Rule[]
  readonly names: Names
  readonly #params: readonly string[]
  /** True when one of the rules goes by the calendar. */
  readonly #dated: boolean
  readonly #time: TimeOf
  readonly #scripts = new Map<Program, Script>()

  /** @param brought rules that judge instead of the ledgers' own, where set */
  constructor(
    prefix: string,
    ledgers: readonly RemoteLedger[],
    time: TimeOf,
    brought: readonly (Rule | undefined)[] = [],
  ) {
    this.rules = ledgers.map(({ rule }, i) => brought[i] ?? rule)
    this.names = ledgers.map(({ rule, scope }) => stateNames(prefix, rule.kind, scope))
    this.#params = paramsOf(this.rules)
    this.#dated = this.rules.some((rule) => rule.present !== undefined)
    this.#time = time
  }

  /** The numbers of the rules, as they are now by the clock of the scripts; `undefined` for the server's own. */
  params(clock: Clock | undefined): readonly string[] {
    if (!this.#dated) return this.#params
    const wall = (clock ?? systemClock).wall?.() ?? Date.now()
    const at = Math.round(wall * 1000)
    return paramsOf(this.rules, at, clock === undefined ? 0 : at - Math.round(clock.now() * 1000))
  }

  script(program: Program): Script {
    let known = this.#scripts.get(program)
    if (known === undefined) {
      known = link(this.rules, program, this.#time)
      this.#scripts.set(program, known)
    }
    return known
  }
}
