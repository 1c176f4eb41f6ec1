import type { Source } from './backend.ts'
import {
  Consumer,
  type ConsumerHooks,
  type ConsumerOptions,
  type Guard,
  type Handler,
} from './consumer.ts'

/** Workers that handle one job at a time each. */
export class SingleConsumer extends Consumer {
  protected override readonly work: () => Promise<void>

  constructor(source: Source, handler: Handler, options: ConsumerOptions, hooks: ConsumerHooks) {
    super(source, options, hooks)
    this.work = {
      [this.label]: async (): Promise<void> => {
        while (this.mayGoOn()) {
          const job = source.take()
          if (job === undefined) break
          const delivery = job.deliveries
          this.begin(job)
          let value: unknown
          let error: unknown
          let well = false
          let guard: Guard | undefined
          try {
            value = this.enter(handler, job)
            if (isThenable(value)) {
              guard = this.guard(job, delivery)
              value = await value
            }
            well = true
          } catch (thrown) {
            error = thrown
          }
          guard?.cancel()
          if (this.undecided(job, delivery)) {
            const settled = well
              ? this.complete(job, delivery, value)
              : this.fail(job, delivery, error)
            if (settled !== undefined) await settled
          } else this.bury(job)
          if (guard?.released === true) return
        }
        this.rest()
      },
    }[this.label] as () => Promise<void>
  }

  protected override hasWork(): boolean {
    return this.source.ready > 0
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    (typeof value === 'object' || typeof value === 'function') &&
    value !== null &&
    typeof (value as { then?: unknown }).then === 'function'
  )
}
