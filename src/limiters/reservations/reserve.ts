import {
  abortable,
  between,
  callable,
  isPlain,
  known,
  type OptionTable,
  oneOf,
  positive,
} from '../../core/check.ts'
import type { Clock } from '../../core/clock.ts'
import type { Decision } from '../../core/decision.ts'
import { type Duration, type Micros, toMillis, toPositiveMicros } from '../../core/duration.ts'
import {
  describe,
  isAioFluxError,
  LimitExceededError,
  OptionTypeError,
  type WaitTimeoutError,
} from '../../core/errors.ts'
import type { CallOptions } from '../calls/call-options.ts'
import { type Terms, withHold } from '../calls/terms.ts'
import {
  HeldReservation,
  NOTHING_HELD,
  type Reservation,
  type ReservationKeeper,
} from './reservation.ts'

/** How an estimate is reserved. */
export interface ReserveOptions extends Omit<CallOptions, 'cost'> {
  /** How long the reservation may stay unsettled. @default '1m' */
  ttl?: Duration
  /** How long to wait for room. @default 0: refused when there is no room now */
  timeout?: Duration
  /** Ends the wait when it aborts. */
  signal?: AbortSignal
  /** The least that is charged, unless the reservation is cancelled or settled: the tokens of a prompt that has been sent. @default 0 */
  floor?: number
  /**
   * What happens at the end of `ttl`, when the process has died for example: the estimate stays charged, or is given back. A late `settle`
   * corrects both.
   * @default 'charge'
   */
  onExpire?: 'charge' | 'release'
}

export const RESERVE_OPTIONS: OptionTable<ReserveOptions> = {
  ttl: true,
  timeout: true,
  signal: true,
  floor: true,
  onExpire: true,
  quota: true,
  class: true,
}

/** A limiter, as reservations ask it: the moves, without the checks. */
export interface Reserving {
  readonly name: string
  readonly clock: Clock
  /** Why it cannot reserve, if so: the kind of a limit that holds nothing to be settled. */
  readonly unheld: string | undefined
  /** What a call brings, checked. */
  read(key: string, call: number | CallOptions): { cost: number; terms: Terms | undefined }
  consumeUnder(key: string, cost: number, terms: Terms): Decision | Promise<Decision>
  peekUnder(key: string, cost: number, terms: Terms): Decision | Promise<Decision>
  releaseUnder(key: string, cost: number, terms: Terms): Promise<void>
  waitInTurn(
    key: string,
    cost: number,
    terms: Terms,
    patience: { readonly timeout: Duration; readonly signal: AbortSignal | undefined },
  ): Promise<Decision>
  /** Where the reservation is kept that this decision made. */
  keeperOf(key: string, cost: number, terms: Terms, decision: Decision): ReservationKeeper
}

/** Reservations are numbered at random in so many bits; the odds of two alike under one key at once are nothing. */
const ID_BITS = 48

export async function reserve(
  limiter: Reserving,
  key: string,
  estimate: number,
  options: ReserveOptions,
): Promise<Reservation | undefined> {
  const made = attempt(limiter, key, estimate, options)
  // A reservation that is made at once waits for nothing.
  const reservation = made instanceof Promise ? await made : made
  return typeof reservation === 'number' ? undefined : reservation
}

export async function spend<T>(
  limiter: Reserving,
  key: string,
  estimate: number,
  fn: (reservation: Reservation) => T | Promise<T>,
  options: ReserveOptions,
): Promise<T> {
  callable('fn', fn)
  const made = await attempt(limiter, key, estimate, options)
  if (typeof made === 'number') throw new LimitExceededError(key, made)
  try {
    return await fn(made)
  } finally {
    await made[Symbol.asyncDispose]()
  }
}

type Attempt = Reservation | number

/** The reservation, or after how many seconds it could be had. */
function attempt(
  limiter: Reserving,
  key: string,
  estimate: number,
  options: ReserveOptions,
): Attempt | Promise<Attempt> {
  const asked = checked(options)
  if (limiter.unheld !== undefined) {
    const what = `reserve is for token and leaky buckets and composites of these, and ${describe(limiter.name)} has a limit of kind '${limiter.unheld}'`
    throw new OptionTypeError('limiter', what)
  }
  positive('estimate', estimate)
  const { quota, class: name } = options
  const plain = quota === undefined && name === undefined
  const brings = {
    ...(quota !== undefined && { quota }),
    ...(name !== undefined && { class: name }),
  }
  const call = plain ? estimate : { ...brings, cost: estimate }
  const { cost, terms: brought } = limiter.read(key, call)
  options.signal?.throwIfAborted()
  const id = Math.floor(Math.random() * 2 ** ID_BITS) + 1
  const terms = withHold(brought, { id, ttl: asked.release ? -asked.ttl : asked.ttl })
  const made = (decision: Decision): Attempt => {
    if (!decision.allowed) return decision.retryAfter
    const keeper = decision.wouldDeny ? NOTHING_HELD : limiter.keeperOf(key, cost, terms, decision)
    const { ttl, floor } = asked
    return new HeldReservation({ id, key, cost, floor, ttl, clock: limiter.clock }, keeper)
  }
  const { timeout = 0, signal } = options
  if (asked.patient) {
    return limiter.waitInTurn(key, cost, terms, { timeout, signal }).then(made, (error) => {
      if (!isAioFluxError(error, 'WAIT_TIMEOUT')) throw error
      return (error as WaitTimeoutError).retryAfter
    })
  }
  const decision = limiter.consumeUnder(key, cost, terms)
  return decision instanceof Promise ? decision.then(made) : made(decision)
}

interface Asked {
  readonly ttl: Micros
  readonly floor: number
  readonly release: boolean
  readonly patient: boolean
}

const PLAIN: Asked = { ttl: 60e6, floor: 0, release: false, patient: false }

function checked(options: ReserveOptions): Asked {
  if (!isPlain(options)) known('a reservation', options, RESERVE_OPTIONS)
  let plain = true
  for (const name in options) {
    plain = false
    if (RESERVE_OPTIONS[name as keyof ReserveOptions] !== true)
      known('a reservation', options, RESERVE_OPTIONS)
  }
  if (plain) return PLAIN
  const { ttl = '1m', floor = 0, timeout = 0, signal, onExpire = 'charge' } = options
  abortable(signal)
  return {
    ttl: toPositiveMicros('ttl', ttl),
    floor: between('floor', floor, 0, Number.MAX_VALUE),
    release: oneOf('onExpire', onExpire, ['charge', 'release']) === 'release',
    patient: toMillis('timeout', timeout) > 0,
  }
}
