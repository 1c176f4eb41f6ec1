import { answersAtOnce, type Limiter, lends } from '../../limiters/limiter.ts'
import type { AttemptPermit } from '../consume/attempt.ts'

/** A yes of the limiter. */
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

  /** Gives back what was taken for a job that does not start. */
  unused(): void {
    this.limiter.release(this.key, this.cost).catch(nothing)
  }
}

/** Hears what no caller waits for. */
export interface AsksListener {
  /** The limiter, which is elsewhere, has said no: from now on the ask waits there. */
  denied(): void
  /** An ask that was called off is over, and what it was given has gone back. */
  calledOff(): void
}

/** What a queue asks its limiter: yes or no, now, and waits that are under way. */
export class LimiterAsks {
  /** True where the limiter answers at once. */
  readonly prompt: boolean
  readonly #limiter: Limiter
  readonly #listener: AsksListener
  readonly #underWay = new Set<AbortController>()
  /** How many of the asks a limiter elsewhere has not answered yet: with yes, or with a wait. */
  unanswered = 0

  constructor(limiter: Limiter, listener: AsksListener) {
    this.#limiter = limiter
    this.prompt = answersAtOnce(limiter)
    this.#listener = listener
  }

  /** True where what it gives is held until a job ends, and not only for a time. */
  get lends(): boolean {
    return lends(this.#limiter)
  }

  /** How many asks are under way. */
  get size(): number {
    return this.#underWay.size
  }

  /** Where the limiter can answer at once, and says yes. */
  now(key: string, cost: number): Granted | undefined {
    const limiter = this.#limiter
    if (!answersAtOnce(limiter) || !limiter.allow(key, cost)) return undefined
    return new Granted(limiter, key, cost)
  }

  /** Waits at the limiter. The controller calls the ask off; then neither callback is called. */
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

  /** Calls off all asks. */
  close(): void {
    for (const ask of this.#underWay) ask.abort()
  }

  /** A limiter elsewhere is first asked for a yes or no, so that other keys are asked while this one has to wait. */
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
