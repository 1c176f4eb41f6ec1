import { describe, OptionRangeError } from '../core/errors.ts'
import type { Counter } from '../core/meter.ts'
import type { Label } from './label-set.ts'
import { Sources } from './sources.ts'

/** One series of a counter. */
export class CounterSeries implements Counter {
  readonly labels: readonly Label[]
  readonly text: string
  #counted = 0
  #sources: Sources | undefined
  /** What had been counted at the last reset by those who are followed. */
  #before = 0

  get type(): 'counter' {
    return 'counter'
  }

  constructor(labels: readonly Label[], text: string) {
    this.labels = labels
    this.text = text
  }

  inc(by = 1): void {
    if (!(by >= 0 && by < Infinity)) throw notMore(by)
    this.#counted += by
  }

  follow<Part extends object>(part: Part, read: (part: Part) => number): () => void {
    this.#sources ??= new Sources()
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

  /** A counter never falls: what somebody who is gone has counted stays. */
  #followed(): number {
    return (
      this.#sources?.sum((last) => {
        this.#counted += last
      }) ?? 0
    )
  }
}

function notMore(by: number): OptionRangeError {
  return new OptionRangeError(
    'value',
    `value must be a finite number >= 0, since counters only go up; got ${describe(by)}`,
  )
}
