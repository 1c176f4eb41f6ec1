import type { Micros } from '../core/duration.ts'
import type { Report, State } from '../core/rule.ts'
import { Law, thousandths, UNKNOWN } from './law.ts'

/** Fewer outcomes than this say too little to act on before the window is over. */
export const ENOUGH = 10

/** The numbers of the law: rates are per second, the window in microseconds. */
export interface AimdNumbers {
  readonly initial: number
  readonly min: number
  readonly max: number
  readonly step: number
  readonly factor: number
  readonly threshold: number
  readonly window: Micros
}

/**
 * Additive increase, multiplicative decrease (D.-M. Chiu and R. Jain, 1989), of one rate for many processes.
 *
 * State: `[rate, since, good, bad, needed]`. A report says which rate its calls were let through at (`level`): where that is higher
 * than the present one, the calls began before the last decrease, and their failures are the same news again. `amount` is 1 where
 * callers were turned away.
 */
export class AimdLaw extends Law {
  readonly kind = 'aimd'
  readonly #numbers: AimdNumbers

  constructor(numbers: AimdNumbers) {
    super({ ...numbers })
    this.#numbers = numbers
  }

  fresh(now: Micros): State {
    return [UNKNOWN, now, 0, 0, 0]
  }

  report(state: State, now: Micros, { level, count, amount, bad }: Report): number {
    const { initial, min, max, step, factor, threshold, window } = this.#numbers
    if (state[0] === UNKNOWN) state[0] = initial
    if (level <= thousandths(state[0] as number)) {
      state[2] = (state[2] as number) + count
      state[3] = (state[3] as number) + bad
    }
    state[4] = Math.max(state[4] as number, amount)
    const [rate, since, good, worse, needed] = state as [number, number, number, number, number]
    const told = good + worse
    const elapsed = now - since
    if (worse > threshold * told && (told >= ENOUGH || elapsed >= window)) {
      begin(state, now, Math.max(min, rate * factor))
    } else if (elapsed >= window) {
      const wanted = needed > 0 || told >= (rate * elapsed) / 2e6
      begin(state, now, good > 0 && wanted ? Math.min(max, rate + step) : rate)
    }
    return thousandths(state[0] as number)
  }
}

function begin(state: State, now: Micros, rate: number): void {
  state[0] = rate
  state[1] = now
  state[2] = state[3] = state[4] = 0
}
