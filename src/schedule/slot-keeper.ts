import { known, mustHave, type OptionTable, oneOf, string } from '../core/check.ts'
import { type Duration, type Millis, toPositiveMicros } from '../core/duration.ts'
import type { Values } from '../core/storage.ts'

/**
 * Remembers for the schedulers of many processes which slots are taken, so that each slot runs once, in the process that asks
 * first.
 * Slots are dates, in milliseconds since 1970.
 */
export interface SlotKeeper {
  /**
   * Takes a slot of a job for the first process that asks. `true`: taken for good, so the slot is run at most once. A
   * {@link SlotClaim}: taken, and must be renewed. `false`: another process has it.
   */
  claim(job: string, slot: Millis): Promise<SlotClaim | boolean>
  /** The latest slot of the job that was taken, so that a restart knows what it has missed. */
  last(job: string): Promise<Millis | undefined>
  /** Slots older than this many milliseconds are forgotten, so they must not be run any more. */
  readonly keeps: Millis
  /** Passes a slot on to another process when the process that took it has died. */
  readonly heirs?: SlotHeirs
  /** Counts the runs of all processes. Jobs with `maxRuns` need it. */
  readonly runs?: RunCounter
}

/** Counts the runs that a fleet has begun, for `maxRuns`. The count is never forgotten. */
export interface RunCounter {
  /** How many runs of the job have begun, in all processes. */
  begun(job: string): Promise<number>
  /**
   * Counts the run of a slot, and returns its number: 1 for the first. A slot that another process takes over keeps its number.
   */
  begin(job: string, slot: Millis): Promise<number>
}

/** A taken slot. Another process gets the slot when this claim is not renewed. */
export interface SlotClaim {
  /** Renews the claim while the run goes on. */
  renew(): Promise<void>
  /** Call when the run has ended, in success or failure: the slot is never run again. */
  finish(): Promise<void>
  /** Call when the run has not begun: another process may run the slot at once. */
  giveUp(): Promise<void>
}

/** Passes slots on when the process that took them has died. */
export interface SlotHeirs {
  /** How long a claim lasts when it is not renewed, in milliseconds. */
  readonly term: Millis
  /** Takes a slot over from a process that died. `'done'`: its run has ended. `'held'`: the process that took it is alive. */
  inherit(job: string, slot: Millis): Promise<SlotClaim | 'done' | 'held'>
}

/** How long a {@link SlotKeeper} remembers taken slots, and what happens to a slot whose run was cut short. */
export interface SlotKeeperOptions {
  /** How long slots are remembered. No run makes up for a slot that is older. @default '1d' */
  ttl?: Duration
  /** The prefix of its keys. @default 'schedule' */
  prefix?: string
  /**
   * What happens to a slot whose process dies before the run has ended. `'run'`: another process runs the slot late, also when
   * the run had begun. `'skip'`: the slot is dropped, so that no slot begins twice. @default 'run'
   */
  afterCrash?: 'run' | 'skip'
  /** A process counts as dead when it has not renewed its slot for this time. @default '10s' */
  lease?: Duration
}

export const SLOT_KEEPER_OPTIONS: OptionTable<SlotKeeperOptions> = {
  ttl: true,
  prefix: true,
  afterCrash: true,
  lease: true,
}

/**
 * Keeps slots as values of a storage. Each slot has a counter: the process that increments it first takes the slot. While the slot
 * runs, that process renews a key with a time to live; when the run has ended, it sets a mark. A process that finds neither key nor
 * mark increments the next counter and runs the slot again.
 *
 * @example
 * // In every process of the fleet: each slot of 'report' is run by one of them.
 * const scheduler = new Scheduler({ slots: slotKeeper(storage, { ttl: '7d' }) })
 * scheduler.cron('0 6 * * *', report, { name: 'report' })
 *
 * @throws OptionTypeError | OptionRangeError naming the option and its value
 */
export function slotKeeper(storage: Values, options: SlotKeeperOptions = {}): SlotKeeper {
  mustHave('storage', storage, 'incr')
  known('slotKeeper', options, SLOT_KEEPER_OPTIONS)
  const { ttl = '1d', lease = '10s', prefix = 'schedule', afterCrash = 'run' } = options
  string('prefix', prefix)
  const keeps = toPositiveMicros('ttl', ttl) / 1000
  const term = toPositiveMicros('lease', lease) / 1000
  const passesOn = oneOf('afterCrash', afterCrash, ['run', 'skip']) === 'run'
  // The name comes last, so that no name can look like another one and a slot.
  const lastKey = (job: string) => `${prefix}:last:${job}`
  const doneKey = (job: string, slot: Millis) => `${prefix}:done:${slot}:${job}`
  /** The process that took the slot first, the one that took it over, and so on. */
  const takerKey = (job: string, slot: Millis, taker: number) =>
    taker === 0 ? `${prefix}:slot:${slot}:${job}` : `${prefix}:heir:${taker}:${slot}:${job}`
  const aliveKey = (job: string, slot: Millis, taker: number) =>
    `${prefix}:alive:${taker}:${slot}:${job}`

  /** Takes a slot as its `taker`-th process. One process succeeds; all others get `undefined`. */
  async function take(job: string, slot: Millis, taker: number): Promise<SlotClaim | undefined> {
    const key = takerKey(job, slot, taker)
    const alive = aliveKey(job, slot, taker)
    if ((await storage.incr(key)) !== 1) return undefined
    const renew = () => storage.set(alive, 1, term / 1000)
    // `incr` keeps the time to live, so the first process gives it one. Others only ever see a number above 1.
    await Promise.all([storage.set(key, 1, keeps / 1000), passesOn ? renew() : undefined])
    return {
      renew,
      async finish() {
        // In this order: another process reads the key first and then the mark.
        await storage.set(doneKey(job, slot), 1, keeps / 1000)
        await storage.delete(alive)
      },
      async giveUp() {
        await storage.delete(alive)
      },
    }
  }

  const runsKey = (job: string) => `${prefix}:runs:${job}`
  const numberKey = (job: string, slot: Millis) => `${prefix}:number:${slot}:${job}`
  const runs: RunCounter = {
    begun: async (job) => (await storage.get<number>(runsKey(job))) ?? 0,
    async begin(job, slot) {
      const known = await storage.get<number>(numberKey(job, slot))
      if (known !== undefined) return known
      // In this order: a process that dies between the two wastes a number. The other order could allow one run too many.
      const number = await storage.incr(runsKey(job))
      await storage.set(numberKey(job, slot), number, keeps / 1000)
      return number
    },
  }

  const keeper: SlotKeeper = {
    keeps,
    runs,
    async claim(job, slot) {
      const claim = await take(job, slot, 0)
      if (claim === undefined) return false
      const last = await storage.get<Millis>(lastKey(job))
      if (last === undefined || last < slot) await storage.set(lastKey(job), slot)
      return passesOn ? claim : true
    },
    last: (job) => storage.get<Millis>(lastKey(job)),
  }
  if (!passesOn) return keeper
  const isDone = (job: string, slot: Millis) => storage.exists(doneKey(job, slot))
  return {
    ...keeper,
    heirs: {
      term,
      async inherit(job, slot) {
        if (await isDone(job, slot)) return 'done'
        let takers = 0
        while (await storage.exists(takerKey(job, slot, takers))) takers += 1
        if (takers > 0) {
          if (await storage.exists(aliveKey(job, slot, takers - 1))) return 'held'
          // The run may have ended since the first look.
          if (await isDone(job, slot)) return 'done'
        }
        return (await take(job, slot, takers)) ?? 'held'
      },
    },
  }
}
