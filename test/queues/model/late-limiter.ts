import type { Limiter } from '../../../src/index.ts'

const LATE = new Set(['acquire', 'wait', 'schedule', 'release'])

/** A limiter that answers some turns of the event loop later, as one over Redis does. */
export class LateLimiter {
  /** Calls and answers that are under way. */
  underWay = 0
  readonly limiter: Limiter
  #seed = 7

  constructor(limiter: Limiter) {
    this.limiter = new Proxy(limiter, {
      get: (target, name) => {
        if (name === 'allow' || name === 'decide') return undefined
        const value: unknown = Reflect.get(target, name)
        if (typeof value !== 'function') return value
        if (!LATE.has(String(name))) return value.bind(target)
        return async (...args: unknown[]) => {
          await this.#pass()
          try {
            return await value.apply(target, args)
          } finally {
            await this.#pass()
          }
        }
      },
      has: (target, name) => name !== 'allow' && name !== 'decide' && name in target,
    })
  }

  async #pass(): Promise<void> {
    this.#seed = (this.#seed * 1103515245 + 12345) % 2147483648
    this.underWay += 1
    for (let turns = (this.#seed >> 8) % 4; turns > 0; turns--) {
      await new Promise<void>((resolve) => setImmediate(resolve))
    }
    this.underWay -= 1
  }
}
