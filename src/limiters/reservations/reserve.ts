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
  isAioFluxError,
  LimitExceededError,
  OptionTypeError,
  quoted,
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

/** Options of `reserve` and `spend`. */
export interface ReserveOptions extends Omit<CallOptions, 'cost'> {
  /** How long the reservation may stay unsettled. @default '1m' */
  ttl?: Duration
  /** How long to wait in line. @default 0: denied when there is no room now */
  timeout?: Duration
  /** Ends the wait when it aborts. */
  signal?: AbortSignal
  /**
   * The least that is charged when the reservation ends without `settle` or `cancel`, such as the tokens of a prompt that was sent.
   * @default 0
   */
  floor?: number
  /**
   * At the end of `ttl`, for example because the process died: the estimate stays charged, or is given back. A late `settle` corrects
   * both.
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

/** The part of a limiter that reservations need: the operations, without the checks. */
export interface Reserving {
  readonly name: string
  readonly clock: Clock
  /** Set when it cannot reserve: the kind of limit that has no reservations. */
  readonly unheld: string | undefined
  /** The cost and terms of a call, checked. */
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
  /** Keeps the reservation that this decision made. */
  keeperOf(key: string, cost: number, terms: Terms, decision: Decision): ReservationKeeper
}

/** Reservations have random numbers of this many bits: two open reservations of one key practically never have the same. */
const ID_BITS = 48

export async function reserve(
  limiter: Reserving,
  key: string,
  estimate: number,
  options: ReserveOptions,
): Promise<Reservation | undefined> {
  const made = attempt(limiter, key, estimate, options)
  // In memory the reservation is made at once. An `await` would cost a turn.
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

/** The reservation, or the seconds after which it may be possible. */
function attempt(
  limiter: Reserving,
  key: string,
  estimate: number,
  options: ReserveOptions,
): Attempt | Promise<Attempt> {
  const asked = checked(options)
  if (limiter.unheld !== undefined) {
    const what = `reserve needs token or leaky buckets, or a composite of them, and ${quoted(limiter.name)} has a limit of kind '${limiter.unheld}'`
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
