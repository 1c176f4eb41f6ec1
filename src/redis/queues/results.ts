import type { Millis } from '../../core/duration.ts'
import { EarlyNews } from '../../queues/enqueue/early-news.ts'
import type { Outcome } from '../../queues/store/job-store.ts'
import { numberOf } from '../scripts/reply.ts'
import { outcomeOf } from './envelope.ts'
import type { QueueLink } from './queue-link.ts'
import { listOfLength, textsOf } from './replies.ts'

/** How often awaited results are asked for, in case a message was lost. */
const POLL: Millis = 1000
/** How many results one trip asks for. */
const MOST = 500

/** A job whose result is wanted. */
interface Awaited {
  readonly id: string
  /** A time, by the server's clock, at which the job had not ended: an end before it belongs to another job of that id. */
  since: number
}

/** The answer of Redis about jobs whose results are wanted. */
interface Answers {
  /** The outcome of each job; `undefined` while it has not ended. */
  readonly outcomes: readonly (Outcome | undefined)[]
  /** The time of the answer, by the server's clock. */
  readonly at: Millis
}

const NOTHING: Answers = { outcomes: [], at: 0 }
/** The job is gone, and another one has its id now, which has not ended. */
const REPLACED: Outcome = { state: 'gone' }

function answersOf([at, ...texts]: readonly string[]): Answers {
  return { outcomes: texts.map(answerOf), at: numberOf(at) }
}

/** The same text as in lua/look.lua. */
function answerOf(text: string): Outcome | undefined {
  if (text === '?') return undefined
  return text === '-' ? REPLACED : outcomeOf(text)
}

/**
 * The results that this process waits for. A message tells each of them; they are also asked for once a second, in case a message was
 * lost.
 *
 * Hints and answers come by different connections, in any order, and the promises of two answers are told in any order. So a hint that
 * comes before the answer to a question is kept until that answer, and both have the time of the server.
 */
export class Results {
  readonly #link: QueueLink
  readonly #resultTtl: Millis
  readonly #settled: (id: string, outcome: Outcome, at?: number) => void
  /** The awaited jobs, by their names in places. */
  readonly #awaited = new Map<string, Awaited>()
  /** Hints about jobs that are not awaited yet, while questions are under way. */
  readonly #early = new EarlyNews<{ readonly outcome: Outcome | undefined; readonly at: Millis }>()
  #timer: NodeJS.Timeout | undefined
  #asking = false

  constructor(
    link: QueueLink,
    resultTtl: Millis,
    settled: (id: string, outcome: Outcome, at?: number) => void,
  ) {
    this.#link = link
    this.#resultTtl = resultTtl
    this.#settled = settled
  }

  /** Sends a put after which Redis tells results. Messages that come before its answer are kept for {@link add}. */
  whileAsking<A>(ask: () => Promise<A>): Promise<A> {
    return this.#early.whileAsking(ask)
  }

  /** Awaits the result of a job that Redis tells. Returns the result where its message has come already. */
  add(name: string, id: string, since = 0): Outcome | undefined {
    const early = this.#early.first(name, since)
    const known = this.#awaited.get(name)
    if (early?.outcome !== undefined) {
      // A later job of that id is still awaited.
      if (known !== undefined && known.since <= early.at) this.#awaited.delete(name)
      return early.outcome
    }
    if (known === undefined) this.#awaited.set(name, { id, since })
    else known.since = Math.max(known.since, since)
    if (early !== undefined) void this.#look([name])
    this.#later()
    return undefined
  }

  /**
   * Asks for the outcome of a job; `undefined` while the job has not ended: then the outcome will be told.
   *
   * @param since as `Inserted.at`: a job of that id that was put later is another one
   */
  ask(name: string, id: string, since?: number): Promise<Outcome | undefined> {
    return this.whileAsking(async () => {
      const { outcomes, at } = await this.#ask([name], since)
      const [outcome] = outcomes
      if (outcome === undefined) return this.add(name, id, at)
      // Another job has the id now: it may be awaited, and has not ended.
      if (outcome !== REPLACED) this.#end(name, outcome, at)
      return outcome
    })
  }

  /**
   * A hint says that a job has ended. Without `text`, the outcome has to be asked for.
   *
   * @throws StorageDownError where the text is no outcome
   */
  told(name: string, text: string | undefined, at: Millis = Infinity): void {
    this.#end(name, text === undefined ? undefined : outcomeOf(text), at)
  }

  /** Hints may have been lost. */
  missed(): void {
    if (this.#awaited.size > 0) void this.#poll()
  }

  close(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#awaited.clear()
    this.#early.clear()
  }

  #end(name: string, outcome: Outcome | undefined, at: Millis): void {
    const awaited = this.#awaited.get(name)
    this.#early.told(name, { outcome, at })
    if (awaited === undefined) return
    if (outcome === undefined) void this.#look([name])
    else {
      // An older message is about an earlier job of this id; this job is still awaited.
      if (at >= awaited.since) this.#awaited.delete(name)
      this.#settled(awaited.id, outcome, at)
    }
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

  async #poll(): Promise<void> {
    if (this.#asking) return
    this.#asking = true
    const names = [...this.#awaited.keys()]
    for (let i = 0; i < names.length; i += MOST) {
      let left = names.slice(i, i + MOST)
      // An answer that tells of some jobs may have had no room for others: see lua/look.lua.
      while (left.length > 0 && (await this.#look(left)) > 0) {
        left = left.filter((name) => this.#awaited.has(name))
      }
    }
    this.#asking = false
  }

  /** Asks for the outcomes of awaited jobs. Answers how many of them were told. */
  async #look(names: string[]): Promise<number> {
    // Without an answer it is asked again; one that comes too late is as good.
    const late = (answers: Answers) => void this.#take(names, answers)
    return this.#take(names, await this.#ask(names, undefined, late).catch(() => NOTHING))
  }

  #take(names: readonly string[], { outcomes, at }: Answers): number {
    let told = 0
    for (const [k, outcome] of outcomes.entries()) {
      if (outcome === undefined) continue
      told += 1
      this.#end(names[k] as string, outcome, at)
    }
    return told
  }

  #ask(names: string[], since?: number, late?: (answers: Answers) => void): Promise<Answers> {
    const args = ['ask']
    for (const name of names) args.push(name, since === undefined ? '' : String(since))
    const read = (reply: unknown): Answers =>
      answersOf(textsOf(listOfLength(reply, names.length + 1)))
    return this.#link.run('look', this.#resultTtl, args, read, late)
  }
}
