import { mustLie, number } from '../core/check.ts'
import type { Counter } from '../core/meter.ts'
import type { Label } from './label-set.ts'
import { Sources } from './sources.ts'

/** One series of a counter. */
export class CounterSeries implements Counter {
  readonly labels: readonly Label[]
  readonly text: string
  #counted = 0
  #sources: Sources | undefined
  /** What the followed sources had counted at the last reset. */
  #before = 0

  get type(): 'counter' {
    return 'counter'
  }

  constructor(labels: readonly Label[], text: string) {
    this.labels = labels
    this.text = text
  }

  inc(by = 1): void {
    // A string is refused: `1 + '1'` is `'11'`.
    if (!(typeof by === 'number' && by >= 0 && this.#counted + by < Infinity)) refuse(by)
    this.#counted += by
  }

  follow<Part extends object>(part: Part, read: (part: Part) => number): () => void {
    this.#sources ??= new Sources(Number.isFinite)
    const leave = this.#sources.add(part, read)
    return () => {
      this.#counted += leave()
    }
  }

  get value(): number {
    return this.#counted + this.#followed() - this.#before
  }

  reset(): void {
    this.#before = this.#followed()
    this.#counted = 0
  }

  /** A counter never falls: the last value of a part that was collected stays. */
  #followed(): number {
    return (
      this.#sources?.sum((last) => {
        this.#counted += last
      }) ?? 0
    )
  }
}

function refuse(by: number): void {
  number('value', by)
  mustLie(false, 'value', 'be a finite number >= 0, since counters only go up', by)
}
