import type { Micros } from '../../core/duration.ts'
import type { Algorithm } from '../judging/limit.ts'
import { denialsOf, peakOf } from './denials.ts'
import type { Requests } from './history.ts'

/** The effect of a limit on a log; an estimate when keys were left out. */
export interface Effect {
  readonly denied: number
  readonly deniedKeys: number
}

/** A key that a limit hits. */
export interface HitKey {
  readonly id: number
  readonly denied: number
}

/** The sliding window of aioflux may count a request for up to 1/64 of a window longer, where it has many moments. */
const MARGIN = 1 + 1 / 64

/** Sorted numbers hold the key in their low bits, below this. */
const ID = 2 ** 21

/** The effects of limits of any rate on the requests, each computed once. */
export class Effects {
  /** All that is weighed: equal to the requests and keys of the log, where no key was left out. */
  readonly requests: number
  readonly keys: number
  /** The smallest whole rate at which no request is denied, for sure. */
  readonly highest: number
  /** Requests of the kept keys: what one look at all of them costs. */
  readonly size: number
  readonly #requests: Requests
  readonly #per: Micros
  /** Keys with the highest peak first, so that a rate needs to look at no more than the keys above it. */
  readonly #order: Uint32Array
  readonly #peaks: Float64Array
  readonly #known = new Map<string, Effect>()

  constructor(requests: Requests, per: Micros) {
    this.#requests = requests
    this.#per = per
    const { starts, weights, times } = requests
    const count = weights.length
    this.size = times.length
    this.#peaks = new Float64Array(count)
    const sorted = new Float64Array(count)
    let weighed = 0
    let keys = 0
    for (let id = 0; id < count; id++) {
      const [begin, end] = [starts[id] as number, starts[id + 1] as number]
      const peak = Math.ceil(peakOf(requests, begin, end, per * MARGIN))
      this.#peaks[id] = peak
      sorted[id] = Math.min(peak, 2 ** 31) * ID + id
      weighed += (end - begin) * (weights[id] as number)
      keys += weights[id] as number
    }
    sorted.sort()
    this.#order = Uint32Array.from(sorted, (value) => value % ID).reverse()
    this.requests = weighed
    this.keys = keys
    this.highest = Math.max(1, this.#peaks[this.#order[0] ?? 0] ?? 1)
  }

  of(algorithm: Algorithm, rate: number): Effect {
    const name = `${algorithm} ${rate}`
    let effect = this.#known.get(name)
    if (effect === undefined) {
      effect = this.#count(algorithm, rate)
      this.#known.set(name, effect)
    }
    return effect
  }

  /** The keys that the limit hits. */
  hit(algorithm: Algorithm, rate: number): HitKey[] {
    const hit: HitKey[] = []
    this.#visit(algorithm, rate, (id, denied) => hit.push({ id, denied }))
    return hit
  }

  #count(algorithm: Algorithm, rate: number): Effect {
    const { weights } = this.#requests
    let denied = 0
    let deniedKeys = 0
    this.#visit(algorithm, rate, (id, count) => {
      denied += count * (weights[id] as number)
      deniedKeys += weights[id] as number
    })
    return { denied, deniedKeys }
  }

  #visit(algorithm: Algorithm, rate: number, hit: (id: number, denied: number) => void): void {
    const { starts } = this.#requests
    const denials = denialsOf(algorithm, rate, this.#per)
    for (const id of this.#order) {
      // A key that never asks for more than the rate in any window is never denied, and so are those after it.
      if ((this.#peaks[id] as number) <= rate) break
      const count = denials(this.#requests, starts[id] as number, starts[id + 1] as number)
      if (count > 0) hit(id, count)
    }
  }
}
