import type { Clock } from './clock.ts'
import type { Duration, Micros, Millis } from './duration.ts'
import type { LeaseStore } from './lease-store.ts'
import type { Report, Rule, SettledAs } from './rule.ts'

/**
 * Keeps the states of limiters. A limiter opens a ledger in the storage and asks the ledger. Every storage also keeps small
 * values of your own.
 */
export interface Storage extends Values, AsyncDisposable {
  /** The clock of its limiters, unless they have the option `clock`. */
  readonly clock?: Clock
  /**
   * The states of `rule` under `scope`. Limiters that open the same rule under the same scope share its states. Ledgers that
   * answer at once are kept apart by the rule's `kind` and `params`; a {@link RemoteLedger} may keep them apart by the kind alone.
   *
   * @param clock the time to go by, where the storage does not have its own
   */
  open(rule: Rule, scope: string, clock?: Clock): Ledger | RemoteLedger
  /**
   * The leases of a storage that keeps them in its own way, for locks and leader election. Without this method leases are kept
   * as states of a rule, by {@link open}.
   */
  leases?(): LeaseStore
  /** Closes what the storage has opened. May be called twice. */
  close(): Promise<void>
}

/** Small values of your own, by key, each with an optional time to live. */
export interface Values {
  /** The value of `key`, or `undefined` where there is none or its time is over. */
  get<T = unknown>(key: string): Promise<T | undefined>
  /** Keeps `value` under `key`; with `ttl`, for that long. */
  set(key: string, value: unknown, ttl?: Duration): Promise<void>
  /** Adds `by` (default 1) to a number, beginning at 0, and returns the sum. Keeps the time to live. */
  incr(key: string, by?: number): Promise<number>
  /** Takes `by` (default 1) from a number, beginning at 0, and returns the rest. Keeps the time to live. */
  decr(key: string, by?: number): Promise<number>
  /** Forgets `key`. @returns true when it was there */
  delete(key: string): Promise<boolean>
  /** True when there is a value under `key`. */
  exists(key: string): Promise<boolean>
}

/**
 * The states of one rule in one storage, one for each key. It has the moves of {@link Rule}, at the present time of the
 * storage.
 *
 * This one answers at once. It is on the hot path, so its moves return plain numbers; `judged` has the rest of what is known
 * about the state that was judged last.
 */
export interface Ledger {
  readonly rule: Rule
  /** The clock that it goes by. @default the clock that it was opened with */
  readonly clock?: Clock
  /** The state that the last `reserve` or `peek` judged, as it left it. Read it before the next move. */
  readonly judged: Judged
  /**
   * As {@link Rule.reserve}; a blocked key is denied until its block ends.
   *
   * @param rule judges this call instead of the ledger's own: one of the same kind, on the same states
   * @param read what its clock has just said, where several ledgers are asked at one moment
   */
  reserve(key: string, cost: number, maxWait: Micros, rule?: Rule, read?: Millis): Micros
  /** What `reserve` would answer. Changes nothing. */
  peek(key: string, cost: number, rule?: Rule): Micros
  /**
   * How long until a caller behind `ahead` waiting calls could have `cost`. Changes nothing. Exact where each of these calls
   * waits for 1; `-Infinity` where the time is not known.
   */
  forecast(key: string, ahead: number, cost: number, rule?: Rule): Micros
  /** As {@link Rule.refund}. */
  refund(key: string, cost: number, rule?: Rule): void
  /** As {@link Holds.hold}, where the rule can; a blocked key is denied. */
  hold(key: string, cost: number, maxWait: Micros, hold: Hold, rule?: Rule): Micros
  /** As {@link Holds.settle}, where the rule can. */
  settle(key: string, settlement: Settlement, rule?: Rule): void
  /** As {@link Holds.extend}, where the rule can. */
  extend(key: string, hold: Hold, rule?: Rule): Micros
  /** As {@link Rule.report}, where the rule learns. */
  report?(key: string, report: Report): number
  /** Forgets `key`, block included. */
  reset(key: string): void
  /**
   * Denies `key` for `duration`; what it used before stays used. A longer block stays, unless `replace` is set; a block of 0
   * that replaces ends the block.
   */
  block(key: string, duration: Micros, replace?: boolean): void
  /**
   * Goes on with `rule`, of the same kind. What was used stays used, also where that is more than the rule holds; what drains, drains
   * at the new rate from now on. No reservation may be open.
   */
  reconfigure(rule: Rule, keep?: Keep): void
  /** How many keys have a state. */
  readonly size: number
  /** How many states were forgotten because there were more keys than places. */
  readonly evicted: number
  /** How many calls were granted from the state that new keys share while there is no free place for them. */
  readonly crowded: number
}

/**
 * What stays the same for a key when a bucket becomes larger: how much it has `'used'` (it gets the difference at once),
 * or how much it has `'left'` (it has to earn the difference). With `'left'`, one that becomes smaller is used up at most.
 */
export type Keep = 'used' | 'left'

/** The number of a reservation, and how long it may stay unsettled: as in {@link Holds}. */
export interface Hold {
  readonly id: number
  readonly ttl: Micros
}

/** How a reservation is settled: as in {@link Holds}. */
export interface Settlement {
  readonly id: number
  readonly cost: number
  readonly actual: number
  readonly how: SettledAs
}

/** The states of one rule in a storage that answers with promises. */
export interface RemoteLedger {
  readonly storage: RemoteStorage
  readonly scope: string
  readonly rule: Rule
  /**
   * A `reserve` that does not wait, where the answer can be given at once; `undefined` where the storage has to be asked,
   * by {@link run}.
   */
  spend?(key: string, cost: number): Verdict | undefined
  /**
   * @param rule judges this move instead of the ledger's own: one of the same kind, on the same states
   * @throws StorageDownError (rejects) when the storage cannot be asked or does not answer in time
   */
  run(
    move: Move,
    key: string,
    cost: number,
    extra: Micros,
    rule?: Rule,
    about?: AboutHold,
  ): Promise<Verdict>
  /**
   * Calls `freed` when any process has given back something of `key`, so that a waiting call can ask again. Only for rules whose
   * grants are held until they are given back, and for storages that can send such messages. A message can be lost: ask now and
   * then all the same, and often while the watch is not `live`.
   */
  watch?(key: string, freed: () => void): Watch | undefined
  /** Goes on with `rule`, of the same kind. */
  reconfigure(rule: Rule): void
}

/** A listener that a storage tells of a change. */
export interface Watch {
  /** True while the listener is being told, as far as is known. When that begins, it is called once for what it has missed. */
  readonly live: boolean
  end(): void
}

/** A storage that answers with promises, because it lies outside this process. */
export interface RemoteStorage {
  /** True when the states of these keys can be moved in one trip. */
  joins(keys: readonly string[]): boolean
  /** Why the server cannot be reached, where that is known: the cause of failures. */
  readonly trouble?: unknown
  /**
   * A move on one state in each of several ledgers at one instant, all or none; a verdict for each.
   *
   * @param cost the same for all, or one for each
   * @param rules what judges this move instead of the ledgers' own rules, where set
   */
  runAll(
    move: Move,
    ledgers: readonly RemoteLedger[],
    keys: readonly string[],
    cost: number | readonly number[],
    extra: Micros,
    rules?: readonly (Rule | undefined)[],
    about?: AboutHold,
  ): Promise<Verdict[]>
}

/** What a `hold`, `settle` or `extend` is about. For a `report`: `id` is its level, `actual` its amount, `with` how many ended badly. */
export interface AboutHold {
  /** The number of the reservation. */
  readonly id: number
  /** For `hold` and `extend`: how long it may last. For `settle`: what an unknown number means, as in {@link Holds}. */
  readonly with: number
  /** For `settle`: what was used in the place of the cost, the same for all rules, or one for each. */
  readonly actual?: number | readonly number[]
}

/**
 * What can be done to a state. `extra` is the longest wait of a `reserve` or `peek`, how long until what a
 * `refund` gives back is due (0 for over), the length of a `block`. The cost of a `block` is 1, or 2 for one that replaces a
 * longer one.
 */
export type Move =
  | 'reserve'
  | 'peek'
  | 'refund'
  | 'reset'
  | 'block'
  | 'hold'
  | 'settle'
  | 'extend'
  | 'report'

/** What a remote storage answers for one state. */
export interface Verdict {
  /** As {@link Rule.reserve}; of a `report` what has been learnt, as {@link Rule.report} returns it. */
  readonly wait: Micros
  /** Not told, and 0, where the rule has a token; nor is {@link idleAfter}. */
  readonly remaining: number
  readonly idleAfter: Micros
  /** As {@link Rule.token} after a yes, where the rule has one; after a no it means nothing. */
  readonly token?: number
}

/** What else is known after a decision. */
export interface Judged {
  remaining(): number
  idleAfter(): Micros
  /** As {@link Rule.token}, where the rule has one. */
  token?(): number | undefined
}

/** True when this ledger answers at once, without a promise. */
export function isLocal(ledger: Ledger | RemoteLedger): ledger is Ledger {
  return 'reserve' in ledger
}
