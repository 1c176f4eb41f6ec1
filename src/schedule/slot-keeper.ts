import { type Duration, type Millis, toPositiveMicros } from '../core/duration.ts'
import type { Values } from '../core/storage.ts'

/**
 * Remembers for a fleet of schedulers which slots are taken, so that each is run once, by whoever asks first.
 * Slots are dates, in milliseconds since 1970.
 */
export interface SlotKeeper {
  /**
   * Takes a slot of a job: true for the first who asks, false for everybody else and for ever after. Whoever took a
   * slot and died runs it no more: at most once, not exactly once.
   */
  claim(job: string, slot: Millis): Promise<boolean>
  /** The latest slot of the job that was taken, so that a restart knows what it has missed. */
  last(job: string): Promise<Millis | undefined>
  /** Slots older than this many milliseconds are forgotten, so nobody may run them any more. */
  readonly keeps: Millis
}

/** How long a {@link SlotKeeper} remembers which runs have been taken, and where. */
export interface SlotKeeperOptions {
  /** How long slots are remembered, and so how late one can be caught up. @default '1d' */
  ttl?: Duration
  /** What its keys begin with. @default 'schedule' */
  prefix?: string
}

/**
 * Slots as values of a storage: one counter for each slot, whose first increment takes it.
 *
 * @example
 * // In every process of the fleet: each slot of 'report' is run by one of them.
 * const scheduler = new Scheduler({ slots: slotKeeper(storage, { ttl: '7d' }) })
 * scheduler.cron('0 6 * * *', report, { name: 'report' })
 */
export function slotKeeper(storage: Values, options: SlotKeeperOptions = {}): SlotKeeper {
  const { prefix = 'schedule' } = options
  const keeps = toPositiveMicros('ttl', options.ttl ?? '1d') / 1000
  // The name comes last, so that no name can look like another one and a slot.
  const slotKey = (job: string, slot: Millis) => `${prefix}:slot:${slot}:${job}`
  const lastKey = (job: string) => `${prefix}:last:${job}`
  return {
    keeps,
    async claim(job, slot) {
      const key = slotKey(job, slot)
      if ((await storage.incr(key)) !== 1) return false
      // `incr` keeps the time to live, so whoever came first gives it one. Others only ever see a number above 1.
      await storage.set(key, 1, keeps / 1000)
      const last = await storage.get<Millis>(lastKey(job))
      if (last === undefined || last < slot) await storage.set(lastKey(job), slot)
      return true
    },
    last: (job) => storage.get<Millis>(lastKey(job)),
  }
}
