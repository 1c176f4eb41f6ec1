import type { Trouble, UsualRange } from '../state.ts'
import { type History, SPACING } from './history.ts'

/** What was usual before a trouble began. It is worked out once: later samples are part of the trouble, and old ones are forgotten. */
export class UsualRanges {
  readonly #history: History
  #known = new Map<string, { since: number; usual: (UsualRange | null)[] }>()

  constructor(history: History) {
    this.#history = history
  }

  /** Tells each trouble its usual ranges, and forgets those of troubles that are over. */
  add(troubles: readonly Trouble[]): Trouble[] {
    const known = new Map<string, { since: number; usual: (UsualRange | null)[] }>()
    const told = troubles.map((trouble) => {
      const name = `${trouble.kind}/${trouble.name}`
      const { since } = trouble
      const before = this.#known.get(name)
      const usual =
        before?.since === since ? before.usual : this.#history.usual(name, since - SPACING)
      known.set(name, { since, usual })
      return usual.some((range) => range !== null) ? { ...trouble, usual } : trouble
    })
    this.#known = known
    return told
  }
}
