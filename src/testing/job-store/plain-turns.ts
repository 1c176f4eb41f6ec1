import type { PlainJob } from './plain-job.ts'

interface Turn {
  readonly group: string | undefined
  /** When its turn comes, in turns and not in time. */
  pass: number
}

/**
 * Whose turn it is among groups (stride scheduling): a group that was served comes again after `1 / weight`, and a group
 * that comes anew waits as long.
 */
export class PlainTurns {
  #turns: Turn[] = []
  #now = 0
  readonly #weights = new Map<string | undefined, number>()

  weigh(group: string | undefined, weight: number): void {
    this.#weights.set(group, weight)
  }

  /** The candidate whose group has its turn. */
  next<T>(candidates: readonly PlainJob<T>[]): PlainJob<T> | undefined {
    const groups = new Set(candidates.map((job) => job.group))
    this.#turns = this.#turns.filter((turn) => groups.has(turn.group))
    for (const group of groups) {
      if (this.#turns.some((turn) => turn.group === group)) continue
      this.#turns.push({ group, pass: this.#now + this.#stride(group) })
    }
    let first: Turn | undefined
    for (const turn of this.#turns) if (first === undefined || turn.pass < first.pass) first = turn
    return first && candidates.find((job) => job.group === first.group)
  }

  /** Counts a start of `group`. */
  served(group: string | undefined): void {
    const turn = this.#turns.find((other) => other.group === group)
    if (turn === undefined) return
    this.#now = turn.pass
    turn.pass += this.#stride(group)
  }

  #stride(group: string | undefined): number {
    return 1 / (this.#weights.get(group) ?? 1)
  }
}
