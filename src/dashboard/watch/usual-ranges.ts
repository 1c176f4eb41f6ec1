import type { Trouble, UsualRange } from '../state.ts'
import { type History, SPACING } from './history.ts'

/** The usual ranges before each trouble. They are computed once: later samples belong to the trouble, and old samples are forgotten. */
export class UsualRanges {
  readonly #history: History
  #known = new Map<string, { since: number; usual: (UsualRange | null)[] }>()

  constructor(history: History) {
    this.#history = history
  }

  /** Adds the usual ranges to each trouble, and forgets those of ended troubles. */
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
