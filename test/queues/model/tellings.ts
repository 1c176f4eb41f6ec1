import type { Clock, DeadLetter, LocalQueue } from '../../../src/index.ts'
import { Metrics } from '../../../src/metrics/index.ts'
import type { Item } from './world.ts'

type Counted = 'completed' | 'failed' | 'cancelled' | 'dropped' | 'duplicate' | 'retry' | 'timeout'

/** How an item ended, and when. */
export interface End {
  readonly event: Counted
  readonly at: number
}

/** What a queue has told: its events, its dead letters, and its metrics, which must agree with each other. */
export class Tellings {
  readonly counts: Record<Counted, number> = {
    completed: 0,
    failed: 0,
    cancelled: 0,
    dropped: 0,
    duplicate: 0,
    retry: 0,
    timeout: 0,
  }
  /** How many ends were told of each item. */
  readonly ends = new Map<number, number>()
  /** The end that was told last of each item. */
  readonly last = new Map<number, End>()
  /** The values with which jobs completed. */
  readonly completed = new Map<number, unknown>()
  readonly metrics = new Metrics()
  /** Dead letters that were handed over, and of these, the ones that are still being taken. */
  letters = 0
  lettersUnderWay = 0
  trouble: unknown

  listen(
    queue: LocalQueue<Item, number>,
    clock: Clock,
    retrying: (n: number, delay: number) => void,
  ): void {
    const over = (event: Counted) => (told: { item: Item }) => {
      this.counts[event] += 1
      this.last.set(told.item.n, { event, at: clock.now() })
      this.ends.set(told.item.n, (this.ends.get(told.item.n) ?? 0) + 1)
    }
    queue.on('completed', (event) => {
      this.completed.set(event.item.n, event.value)
      over('completed')(event)
    })
    for (const event of ['failed', 'cancelled', 'dropped'] as const) queue.on(event, over(event))
    queue.on('duplicate', () => {
      this.counts.duplicate += 1
    })
    queue.on('timeout', () => {
      this.counts.timeout += 1
    })
    queue.on('retry', ({ item: { n }, delay }) => {
      this.counts.retry += 1
      retrying(n, delay)
    })
    queue.on('error', ({ error }) => {
      this.trouble ??= error
    })
  }

  /** Takes a dead letter, some turns of the event loop long. */
  readonly take = async (_letter: DeadLetter<Item>): Promise<void> => {
    this.letters += 1
    this.lettersUnderWay += 1
    for (let turns = this.letters % 3; turns > 0; turns--) {
      await new Promise<void>((resolve) => setImmediate(resolve))
    }
    this.lettersUnderWay -= 1
  }

  /**
   * What the metrics tell otherwise than the events; `undefined` where they agree.
   *
   * @param shared true over a storage: events also tell how jobs have ended in other processes
   */
  disagreement(queue: string, shared = false): string | undefined {
    const { counters } = this.metrics.getStats()
    const jobs = (outcome: string) =>
      counters[`aioflux_queue_jobs_total{outcome="${outcome}",queue="${queue}"}`] ?? 0
    const metered: Record<Counted, number> = {
      completed: jobs('completed') + jobs('pulled'),
      failed: jobs('failed'),
      cancelled: jobs('cancelled'),
      dropped: jobs('dropped'),
      duplicate: jobs('duplicate'),
      retry: counters[`aioflux_queue_retries_total{queue="${queue}"}`] ?? 0,
      timeout: counters[`aioflux_queue_timeouts_total{queue="${queue}"}`] ?? 0,
    }
    for (const event of Object.keys(metered) as Counted[]) {
      const [told, counted] = [this.counts[event], metered[event]]
      if (shared && told > counted && (event === 'completed' || event === 'failed')) continue
      if (told !== counted) return `${told} times '${event}' was told, and ${counted} counted`
    }
    return undefined
  }
}
