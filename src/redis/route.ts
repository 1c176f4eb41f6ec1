import type { Rule } from '../core/rule.ts'
import type { RemoteLedger } from '../core/storage.ts'
import { stateNames } from './key-name.ts'
import { link, type Program, paramsOf, type TimeOf } from './link.ts'
import type { Script } from './script.ts'

/** The name of a key's state, for each rule. */
export type Names = readonly ((key: string) => string)[]

/** What all calls for a list of ledgers have in common, while their rules stay the same. */
export class Route {
  readonly rules: readonly Rule[]
  readonly names: Names
  /** The numbers of the rules. */
  readonly params: readonly string[]
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
    this.params = paramsOf(this.rules)
    this.#time = time
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
