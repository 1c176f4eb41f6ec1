import type { Millis } from '../../core/duration.ts'
import type { Outcome } from '../../queues/store/job-store.ts'
import { outcomeOf } from './envelope.ts'
import type { QueueLink } from './queue-link.ts'

/** How often results are asked for whose news was lost. */
const POLL: Millis = 1000
/** How many are asked for in one trip. */
const MOST = 500

/** The results that this process waits for. They are told by hint; asked for once a second in case that was lost. */
export class Results {
  readonly #link: QueueLink
  readonly #resultTtl: Millis
  readonly #settled: (id: string, outcome: Outcome) => void
  /** By the name a job has in places: its id. */
  readonly #awaited = new Map<string, string>()
  #timer: NodeJS.Timeout | undefined
  #asking = false

  constructor(link: QueueLink, resultTtl: Millis, settled: (id: string, outcome: Outcome) => void) {
    this.#link = link
    this.#resultTtl = resultTtl
    this.#settled = settled
  }

  /** The result of a job is wanted, and Redis knows. */
  add(name: string, id: string): void {
    this.#awaited.set(name, id)
    this.#later()
  }

  /** How a job ended; `undefined` while it has not, and then it will be told. */
  async ask(name: string, id: string): Promise<Outcome | undefined> {
    const [text] = await this.#texts([name])
    if (text === '?') {
      this.add(name, id)
      return undefined
    }
    this.#awaited.delete(name)
    return outcomeOf(text as string)
  }

  /** A job has ended, by hint. */
  told(name: string, text: string | undefined): void {
    const id = this.#awaited.get(name)
    if (id === undefined) return
    if (text === undefined) void this.#poll([name])
    else {
      this.#awaited.delete(name)
      this.#settled(id, outcomeOf(text))
    }
  }

  /** Hints may have been lost. */
  missed(): void {
    if (this.#awaited.size > 0) void this.#poll([...this.#awaited.keys()])
  }

  close(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#awaited.clear()
  }

  #later(): void {
    if (this.#timer !== undefined || this.#awaited.size === 0) return
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined
        this.missed()
        this.#later()
      },
      POLL * (0.9 + Math.random() / 5),
    )
    this.#timer.unref()
  }

  async #poll(names: string[]): Promise<void> {
    if (this.#asking) return
    this.#asking = names.length > 1
    try {
      for (let i = 0; i < names.length; i += MOST) {
        const some = names.slice(i, i + MOST)
        const texts = await this.#texts(some)
        for (const [k, text] of texts.entries()) {
          if (text !== '?') this.told(some[k] as string, text)
        }
      }
    } catch {
      // It is asked again.
    } finally {
      this.#asking = false
    }
  }

  async #texts(names: string[]): Promise<string[]> {
    return (await this.#link.run('look', this.#resultTtl, ['ask', ...names])) as string[]
  }
}
