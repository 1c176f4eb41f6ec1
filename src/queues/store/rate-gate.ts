import type { Limiter } from '../../limiters/limiter.ts'
import { type Granted, LimiterAsks } from './limiter-asks.ts'
import type { LocalJob } from './local-job.ts'
import { groupOf } from './orders/grouped.ts'
import type { Order } from './orders/order.ts'

/** The part of a store that a gate needs. */
export interface GateHost {
  /** The jobs that may start, as far as is known. */
  readonly candidates: Order
  /** There may be a job to take. Workers need not take one. */
  available(): void
  /** The limiter has failed on this job, which has left the gate. */
  broken(job: LocalJob, error: unknown): void
}

/** The jobs of one key that wait for the limiter, with a line for each group, so that a full group delays no other group. */
interface Lane {
  readonly key: string
  readonly lines: Map<string, Line>
  /** The pending wait at the limiter, and the job whose cost it asks. */
  ask: { readonly asker: LocalJob; readonly controller: AbortController } | undefined
}

/** The jobs of one key and one group. */
interface Line {
  readonly order: Order
  /** The first job, while it is a candidate and not in the line. */
  first: LocalJob | undefined
}

/**
 * A limiter before the jobs of a queue. The limiter is asked when a free worker takes a job. A job that must wait holds no worker and no
 * tokens. The same code serves limiters that answer at once and with a promise, with keys and without.
 *
 *     candidates   a1 b1 c1 b2       a1 is denied: it waits in the lane of `a`, which waits at the limiter
 *     lane of a    a1 a2             the others pass; later jobs of `a` join the lane as they come up
 *
 * When the limiter grants, the first job of the lane returns to its old place among the candidates, and the grant is kept in hand. When jobs
 * have groups, the first job of each group returns, because some groups may be full. If no worker takes one of them at once, the grant is
 * given back, and the limiter is asked again when a worker is free. Without keys all jobs are one lane that stays among the candidates, and
 * the gate is shut while the lane waits.
 */
export class RateGate {
  readonly #asks: LimiterAsks
  readonly #keyed: boolean
  readonly #host: GateHost
  readonly #lanes = new Map<string, Lane>()
  /** The grants that are offered to workers; without keys, a grant is for the first job. */
  #inHand: Granted[] = []
  /** True while no job can be taken until the limiter answers. */
  shut = false
  /** How many jobs wait in lanes. */
  parked = 0

  readonly #makeLine: () => Order

  /**
   * @param keyed true when jobs have keys or costs of their own
   * @param makeLine orders the jobs of one key while they wait for the limiter
   */
  constructor(limiter: Limiter, keyed: boolean, host: GateHost, makeLine: () => Order) {
    this.#asks = new LimiterAsks(limiter, {
      denied: () => {
        // This denial may be the last answer of a round, and this key may wait for tokens that the others were granted.
        const last = this.#asks.unanswered === 0 && this.#inHand.length > 0
        if (this.#keyed || last) this.#offer()
      },
      calledOff: () => this.#offer(),
    })
    this.#keyed = keyed
    this.#host = host
    this.#makeLine = makeLine
  }

  /** True when the limiter answers at once. */
  get prompt(): boolean {
    return this.#asks.prompt
  }

  /** True where a job may have to wait until another one has ended, and not only for a time. */
  get lends(): boolean {
    return this.#asks.lends
  }

  /**
   * Lets the first candidate start, or puts it aside. With a grant, the caller takes the first candidate, if there still is one, and calls
   * {@link started}. Without a grant, another job is the first candidate now, or the gate is shut, or, with `company`, nothing has changed.
   *
   * @param want the number of free workers, or of free places in a batch
   * @param company true while filling a batch: when the limiter denies, no job waits for it
   */
  pass(job: LocalJob, want: number, company: boolean): Granted | undefined {
    return this.#keyed ? this.#passByKey(job, want) : this.#passNext(job, want, company)
  }

  /** Gives back the grants that no worker took. */
  idle(): void {
    for (const granted of this.#inHand.splice(0)) granted.unused()
  }

  /** Jobs that wait in lanes. */
  *jobs(): Iterable<LocalJob> {
    for (const { lines } of this.#lanes.values())
      for (const { order } of lines.values()) yield* order
  }

  /** The lines of jobs in lanes, with their groups: a line for each key and group. */
  *lines(): Iterable<{ group: string; order: Order }> {
    for (const { lines } of this.#lanes.values())
      for (const [group, { order }] of lines) yield { group, order }
  }

  /** A job has started and left the candidates: the next job of its line becomes a candidate. */
  started(job: LocalJob): void {
    const lane = this.#keyed ? this.#lanes.get(keyOf(job)) : undefined
    if (lane !== undefined) this.#advance(lane, job)
  }

  /** A job leaves for good, from its lane or from the candidates. @returns true when another job is a candidate now */
  withdraw(job: LocalJob): boolean {
    const lane = this.#keyed ? this.#lanes.get(keyOf(job)) : undefined
    if (lane === undefined) return false
    if (this.#leave(job, lane) && lane.ask?.asker === job) this.#passOn(lane, lane.ask)
    return this.#advance(lane, job)
  }

  /** Moves a job within its lane. @returns false when it is in no lane */
  reprioritise(job: LocalJob, priority: number): boolean {
    const lane = this.#keyed ? this.#lanes.get(keyOf(job)) : undefined
    const line = lane?.lines.get(groupOf(job))
    if (line === undefined || job.holder !== line.order) return false
    line.order.remove(job)
    job.priority = priority
    line.order.push(job)
    return true
  }

  close(): void {
    this.#asks.close()
    this.idle()
  }

  #passNext(job: LocalJob, want: number, company: boolean): Granted | undefined {
    let permit = this.#inHand.pop()
    try {
      permit ??= this.#asks.now('', 1)
    } catch (error) {
      if (this.#host.candidates.peek() === job) this.#fail(job, error)
      return undefined
    }
    if (permit !== undefined || company) return permit
    this.shut = true
    // A limiter that answers at once serves its line one by one. An external limiter is asked for as many grants as can be used.
    const asks = this.prompt ? 1 : Math.min(want, this.#host.candidates.size)
    while (this.#asks.size < asks) this.#askForNext()
    return undefined
  }

  #askForNext(): void {
    this.#asks.ask(
      '',
      1,
      (granted) => {
        this.#inHand.push(granted)
        // The grants of one round are offered together, for one batch.
        if (this.#asks.unanswered === 0) this.#offer()
      },
      (error) => {
        const head = this.#host.candidates.peek()
        if (head !== undefined) {
          this.#host.candidates.remove(head)
          this.#host.broken(head, error)
        }
        this.#offer()
      },
    )
  }

  #passByKey(job: LocalJob, want: number): Granted | undefined {
    const key = keyOf(job)
    const cost = costOf(job)
    const inHand = this.#takeInHand(key, cost)
    if (inHand !== undefined) return inHand
    if (this.#joins(job, key)) return undefined
    let permit: Granted | undefined
    let failure: { readonly error: unknown } | undefined
    try {
      permit = this.#asks.now(key, cost)
    } catch (error) {
      failure = { error }
    }
    // A listener of the limiter may have ended, moved or begun the job: then the answer is not for the first candidate.
    const still = this.#host.candidates.peek() === job && keyOf(job) === key && costOf(job) === cost
    if (!still) {
      permit?.unused()
      return undefined
    }
    if (failure !== undefined) {
      this.#fail(job, failure.error)
      return undefined
    }
    if (permit !== undefined) return permit
    // The listener may have made another job of this key wait.
    if (this.#joins(job, key)) return undefined
    // An external limiter is not asked for more grants than there are workers.
    if (!this.prompt && this.#asks.unanswered >= want) {
      this.shut = true
      return undefined
    }
    const lane = this.#lanes.get(key) ?? this.#makeLane(key)
    this.#park(job, lane)
    this.#askFor(job, lane)
    return undefined
  }

  /** Puts the first candidate into the lane of its key, if the lane waits at the limiter. */
  #joins(job: LocalJob, key: string): boolean {
    const lane = this.#lanes.get(key)
    if (lane?.ask === undefined) return false
    this.#park(job, lane)
    return true
  }

  /** The limiter has failed on the first candidate. */
  #fail(job: LocalJob, error: unknown): void {
    this.#host.candidates.remove(job)
    this.started(job)
    this.#host.broken(job, error)
  }

  #takeInHand(key: string, cost: number): Granted | undefined {
    const [granted] = this.#inHand
    return granted?.key === key && granted.cost === cost ? this.#inHand.pop() : undefined
  }

  #makeLane(key: string): Lane {
    const lane: Lane = { key, lines: new Map(), ask: undefined }
    this.#lanes.set(key, lane)
    return lane
  }

  /** Puts a candidate into its lane, at its old place. */
  #park(job: LocalJob, { lines }: Lane): void {
    const group = groupOf(job)
    let line = lines.get(group)
    if (line === undefined) {
      line = { order: this.#makeLine(), first: undefined }
      lines.set(group, line)
    }
    this.#host.candidates.remove(job)
    line.order.restore(job)
    if (line.first === job) line.first = undefined
    this.parked += 1
  }

  /** Takes a job out of its lane. @returns false when it is not there */
  #leave(job: LocalJob, { lines }: Lane): boolean {
    const line = lines.get(groupOf(job))
    if (line === undefined || job.holder !== line.order) return false
    line.order.remove(job)
    this.parked -= 1
    return true
  }

  /** A job waits at the limiter, for all of its lane. */
  #askFor(asker: LocalJob, lane: Lane): void {
    const controller = this.#asks.ask(
      lane.key,
      costOf(asker),
      (granted) => {
        const served = lane.ask?.asker
        lane.ask = undefined
        this.#return(lane, served)
        this.#inHand.push(granted)
        this.#offer()
      },
      (error) => {
        const job = lane.ask?.asker as LocalJob
        lane.ask = undefined
        this.#leave(job, lane)
        this.#return(lane)
        this.#host.broken(job, error)
        this.#offer()
      },
    )
    lane.ask = { asker, controller }
  }

  /** The job for which the limiter was asked has left: another job takes the request over, or the lane asks anew with another cost. */
  #passOn(lane: Lane, { asker, controller }: NonNullable<Lane['ask']>): void {
    for (const { order } of lane.lines.values()) {
      const next = order.peek()
      if (next === undefined || costOf(next) !== costOf(asker)) continue
      lane.ask = { asker: next, controller }
      return
    }
    lane.ask = undefined
    controller.abort()
    this.#return(lane)
  }

  /** `job` has started or is gone: the next job of its line is a candidate, unless the lane waits at the limiter. */
  #advance(lane: Lane, job: LocalJob): boolean {
    const group = groupOf(job)
    const line = lane.lines.get(group)
    if (line?.first === job) line.first = undefined
    const returned = line !== undefined && lane.ask === undefined && this.#returnFirst(line)
    if (line?.order.size === 0) lane.lines.delete(group)
    this.#tidy(lane)
    return returned
  }

  /**
   * Makes the first job of each line a candidate: the lane does not wait at the limiter any more. The grant for `served` is not used for a
   * job of another cost that stands before it.
   */
  #return(lane: Lane, served?: LocalJob): void {
    for (const [group, line] of lane.lines) {
      this.#returnFirst(line, served)
      if (line.order.size === 0) lane.lines.delete(group)
    }
    this.#tidy(lane)
  }

  /** The first job of a line returns to its old place among the candidates, unless a job of the line is there already. */
  #returnFirst(line: Line, served?: LocalJob): boolean {
    let first = line.first === undefined ? line.order.peek() : undefined
    if (first === undefined) return false
    if (served?.holder === line.order && costOf(served) !== costOf(first)) first = served
    line.order.remove(first)
    line.first = first
    this.parked -= 1
    this.#host.candidates.restore(first)
    return true
  }

  #tidy(lane: Lane): void {
    if (lane.lines.size === 0 && lane.ask === undefined) this.#lanes.delete(lane.key)
  }

  /** Offers the grants to workers. Grants that no worker takes at once are given back. */
  #offer(): void {
    this.shut = false
    this.#host.available()
    this.idle()
  }
}

function keyOf({ extras }: LocalJob): string {
  return extras?.limiterKey ?? ''
}

function costOf({ extras }: LocalJob): number {
  return extras?.cost ?? 1
}
