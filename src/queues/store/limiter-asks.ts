import { answersAtOnce, type Limiter, lends } from '../../limiters/limiter.ts'
import type { AttemptPermit } from '../consume/attempt.ts'

/** A grant of the limiter. */
export class Granted implements AttemptPermit {
  readonly limiter: Limiter
  readonly key: string
  readonly cost: number

  constructor(limiter: Limiter, key: string, cost: number) {
    this.limiter = limiter
    this.key = key
    this.cost = cost
  }

  leave(): void {
    this.limiter.leave?.(this.key, this.cost)
  }

  /** Gives the tokens back, because the job does not start. */
  unused(): void {
    this.limiter.release(this.key, this.cost).catch(nothing)
  }
}

/** Is told of events for which no caller waits. */
export interface AsksListener {
  /** An external limiter has denied: from now on the request waits there. */
  denied(): void
  /** A cancelled request is over, and its tokens were given back. */
  calledOff(): void
}

/** The requests of a queue to its limiter: for a grant now, and pending waits. */
export class LimiterAsks {
  /** True when the limiter answers at once. */
  readonly prompt: boolean
  readonly #limiter: Limiter
  readonly #listener: AsksListener
  readonly #underWay = new Set<AbortController>()
  /** How many requests an external limiter has not answered yet, with a grant or with a wait. */
  unanswered = 0

  constructor(limiter: Limiter, listener: AsksListener) {
    this.#limiter = limiter
    this.prompt = answersAtOnce(limiter)
    this.#listener = listener
  }

  /** True when a grant is held until its job ends, and not only for a time. */
  get lends(): boolean {
    return lends(this.#limiter)
  }

  /** How many requests are pending. */
  get size(): number {
    return this.#underWay.size
  }

  /** Asks a limiter that answers at once. @returns the grant, or `undefined` */
  now(key: string, cost: number): Granted | undefined {
    const limiter = this.#limiter
    if (!answersAtOnce(limiter) || !limiter.allow(key, cost)) return undefined
    return new Granted(limiter, key, cost)
  }

  /** Waits at the limiter. The controller cancels the request; then neither callback is called. */
  ask(
    key: string,
    cost: number,
    granted: (permit: Granted) => void,
    broken: (error: unknown) => void,
  ): AbortController {
    const controller = new AbortController()
    const { signal } = controller
    this.#underWay.add(controller)
    this.#wait(key, cost, signal).then(
      () => {
        this.#underWay.delete(controller)
        const permit = new Granted(this.#limiter, key, cost)
        if (!signal.aborted) return granted(permit)
        permit.unused()
        this.#listener.calledOff()
      },
      (error: unknown) => {
        this.#underWay.delete(controller)
        if (signal.aborted) this.#listener.calledOff()
        else broken(error)
      },
    )
    return controller
  }

  /** Cancels all requests. */
  close(): void {
    for (const ask of this.#underWay) ask.abort()
  }

  /** An external limiter is first asked without waiting, so that other keys are asked while this key must wait. */
  async #wait(key: string, cost: number, signal: AbortSignal): Promise<void> {
    if (!this.prompt) {
      this.unanswered += 1
      const allowed = await this.#limiter.acquire(key, cost).finally(() => {
        this.unanswered -= 1
      })
      if (allowed) return
      this.#listener.denied()
    }
    await this.#limiter.wait(key, { cost, signal })
  }
}

function nothing(): void {}
