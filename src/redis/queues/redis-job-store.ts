import type { Millis } from '../../core/duration.ts'
import { isAioFluxError, OptionTypeError, UnconfirmedError } from '../../core/errors.ts'
import { LeaseClock } from '../../core/lease-clock.ts'
import {
  errorRecord,
  type JobErrorRecord,
  type StoredRecord,
  type StoredState,
} from '../../queues/store/job-record.ts'
import type {
  Claim,
  DeathCount,
  Ending,
  GroupCounts,
  Inserted,
  JobDraft,
  Outcome,
  Redrive,
  Room,
  Settlement,
  StoreCounts,
  StoreListener,
} from '../../queues/store/job-store.ts'
import type {
  Declaration,
  Share,
  SharedJobStore,
  StoreOptions,
} from '../../queues/store/queue-storage.ts'
import { audit } from './audit.ts'
import { ClaimLeases } from './claim-leases.ts'
import { Declared } from './declared.ts'
import { Drafts, type Placed } from './drafts.ts'
import { endOf } from './ends.ts'
import { readReason, reasonText, valueText } from './envelope.ts'
import { Hints } from './hints.ts'
import { Inspection } from './inspection.ts'
import { Listeners } from './listeners.ts'
import { placeName, priorityText, readPlace, readToken } from './place.ts'
import { Puts } from './puts.ts'
import { type QueueHost, QueueLink } from './queue-link.ts'
import { claimOf } from './records.ts'
import { countOf, flagOf } from './replies.ts'
import { Results } from './results.ts'
import type { End, Taken } from './step-script.ts'
import { Steps } from './steps.ts'

/** The answers of `leave`: see lua/change.lua. */
const LEFT = ['over', 'cancelled', 'left'] as const
/** The same text as in lua/ending.lua. */
const MAX_DELIVERIES = 5

/**
 * The jobs of a queue in Redis, shared by all processes that open one of that name.
 *
 * Every change is one script, on the server's own clock. All that workers ask travels in one trip at a time; see `lua/step.lua`.
 */
export class RedisJobStore<T = unknown> implements SharedJobStore<T> {
  readonly #options: StoreOptions<T>
  readonly #link: QueueLink
  readonly #declared: Declared
  readonly #puts: Puts<T>
  readonly #steps: Steps
  readonly #leases: ClaimLeases
  readonly #results: Results
  readonly #hints: Hints
  readonly #inspection: Inspection<T>
  readonly #listeners = new Listeners()
  /** True while the queue is paused everywhere, by the latest message or answer. */
  #paused = false
  /** How many messages and answers about the pause have come. */
  #toldOfPause = 0
  #closed = false

  constructor(host: QueueHost, options: StoreOptions<T>) {
    const {
      name,
      codec,
      declaration,
      observes = false,
      resultTtl,
      idTtl,
      minReplicas = 0,
    } = options
    if (minReplicas > 0 && host.cluster) {
      throw new OptionTypeError('minReplicas', 'minReplicas must be 0 in a Redis Cluster')
    }
    this.#options = options
    this.#link = new QueueLink(host, name)
    this.#link.trouble = (error) => this.#listeners.tell('trouble', error)
    const said = { codec: codec.name, ...declaration }
    this.#declared = new Declared(this.#link, name, said, observes)
    this.#link.before = () => this.#reach()
    this.#puts = new Puts(this.#link, new Drafts(options), resultTtl, minReplicas > 0)
    const clock = new LeaseClock(host.timers)
    this.#leases = new ClaimLeases(clock, ({ id, delivery }) =>
      this.#listeners.tell('lost', id, delivery),
    )
    this.#results = new Results(this.#link, resultTtl, (id, outcome, at) =>
      this.#listeners.tell('settled', id, outcome, at),
    )
    this.#hints = new Hints(this.#link, {
      available: () => this.#listeners.tell('available'),
      room: () => this.#listeners.tell('room'),
      ended: (name, text, at) => this.#results.told(name, text, at),
      cancelled: (place, reason) => this.#cancelled(place, reason),
      paused: (paused) => this.#pausedTo(paused),
      declared: () => this.#declared.renew(),
      missed: () => this.#missed(),
    })
    this.#steps = new Steps(this.#link, {
      clock,
      resultTtl,
      idTtl,
      cancelled: (token, reason) => this.#cancelled(readToken(token).place, reason),
      short: (look) => this.#hints.lookIn(look),
      full: () => this.#hints.lookNoMore(),
    })
    this.#inspection = new Inspection(this.#link, codec, resultTtl)
  }

  get agreed(): Declaration {
    return this.#declared.agreed
  }

  get lastReached(): Millis | undefined {
    return this.#link.lastReached
  }

  ready(): Promise<void> {
    return this.#declared.ready()
  }

  redeclare(declaration: Declaration): Promise<void> {
    return this.#declared.redeclare(declaration)
  }

  async insert(drafts: readonly JobDraft<T>[], room: Room): Promise<Inserted[]> {
    await this.#reach()
    const awaited = drafts.some((draft) => draft.awaited)
    const inserted = awaited
      ? await this.#results.whileAsking(() => this.#insertAwaited(drafts, room))
      : await this.#insert(drafts, room)
    if (inserted.some(({ state }) => state === 'waiting')) this.#hints.put()
    if (inserted.some(({ state }) => state === 'full')) this.#hints.full()
    return inserted
  }

  async claim(max: number, lease: Millis): Promise<Claim<T>[]> {
    try {
      await this.#reach()
    } catch (error) {
      if (!isAioFluxError(error, 'STORAGE_DOWN')) throw error
      this.#hints.lookIn(undefined)
      return []
    }
    this.#hints.listen()
    const { taken, sent } = await this.#steps.claim(max, lease)
    if (taken.length === 0) return []
    const until = this.#leases.endOf(sent, lease)
    const claims: Claim<T>[] = []
    for (const one of taken) {
      const claim = this.#read(one)
      if (claim === undefined) continue
      // The answer came when the lease was over: another process may have the job already, or it goes back at once.
      if (!this.#leases.clock.isBefore(until)) {
        this.#giveBack(claim)
        continue
      }
      this.#leases.add(placeName(claim.record.id), claim, until)
      claims.push(claim)
    }
    // The trip was full, so no later trip is planned, and there is room for the jobs that were not claimed.
    if (claims.length < taken.length) this.#listeners.tell('available')
    return claims
  }

  settle(ends: readonly Settlement[]): Promise<boolean[]> {
    return this.#steps.end(ends.map(({ claim, ending }) => this.#end(claim, ending)))
  }

  extend(claims: readonly Claim<T>[], lease: Millis): Promise<boolean[]> {
    return Promise.all(claims.map((claim) => this.#extend(claim, lease)))
  }

  async progress(claim: Claim<T>, value: unknown): Promise<boolean> {
    return this.#change('progress', claim.token, valueText(value))
  }

  outcome(id: string, at?: number): Promise<Outcome | undefined> {
    this.#hints.listen()
    return this.#results.ask(placeName(id), id, at)
  }

  get(id: string): Promise<StoredRecord<T> | undefined> {
    return this.#inspection.get(placeName(id))
  }

  list(
    state: StoredState,
    limit: number,
    cursor?: string,
  ): Promise<{ jobs: StoredRecord<T>[]; cursor?: string }> {
    return this.#inspection.list(state, limit, cursor)
  }

  counts(): Promise<StoreCounts> {
    return this.#inspection.counts()
  }

  groups(limit: number, among?: number): Promise<GroupCounts[]> {
    return this.#inspection.groups(limit, among)
  }

  deaths(limit: number, latest?: number): Promise<DeathCount[]> {
    return this.#inspection.deaths(limit, latest)
  }

  async cancel(id: string, reason: unknown, at?: number): Promise<boolean> {
    const idTtl = String(this.#options.idTtl)
    return this.#change('cancel', placeName(id), reasonText(reason), idTtl, '', atText(at))
  }

  async leave(
    id: string,
    share: Share,
    reason: unknown,
    at?: number,
  ): Promise<'cancelled' | 'left' | 'over'> {
    const putter = share.mode === 'latest' ? share.putter : ''
    const idTtl = String(this.#options.idTtl)
    const args = [placeName(id), reasonText(reason), idTtl, putter, atText(at)]
    const { resultTtl } = this.#options
    return this.#link.run(
      'change',
      resultTtl,
      ['leave', ...args],
      (reply) => LEFT[countOf(reply, 2)] as 'left',
    )
  }

  remove(id: string): Promise<boolean> {
    return this.#change('remove', placeName(id))
  }

  reprioritise(id: string, priority: number, at?: number): Promise<boolean> {
    return this.#change('reprioritise', placeName(id), priorityText(priority), atText(at))
  }

  redrive(which: Redrive): Promise<number> {
    const { ids } = which
    const named = ids && { ...which, ids: ids.map((id) => placeName(id)) }
    return this.#inspection.redrive(named ?? which)
  }

  clear(): Promise<T[]> {
    return this.#inspection.clear()
  }

  async pause(paused: boolean): Promise<void> {
    await this.#change(paused ? 'pause' : 'resume')
  }

  watch(listener: StoreListener): () => void {
    this.#hints.listen()
    return this.#listeners.add(listener)
  }

  /** The differences between the records and their indexes. Reads the whole queue: for tests. */
  async audit(): Promise<string[]> {
    return audit(await this.#inspection.raw())
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await this.#steps.close()
    await this.#declared.close()
    this.#hints.close()
    this.#results.close()
    this.#leases.close()
    this.#listeners.clear()
  }

  async #insert(drafts: readonly JobDraft<T>[], room: Room): Promise<Inserted[]> {
    const inserted = await this.#puts.insert(drafts, room, this.agreed.limiter)
    if ((this.#options.minReplicas ?? 0) > 0) await this.#confirm(inserted)
    return inserted
  }

  async #insertAwaited(drafts: readonly JobDraft<T>[], room: Room): Promise<Inserted[]> {
    this.#hints.listen()
    // A job may end before this process listens: then Redis is asked for its outcome.
    const { live } = this.#hints
    const inserted = await this.#insert(drafts, room)
    const told = inserted.map(async (each, i) => {
      const { id, state, at } = each
      if (!drafts[i]?.awaited || state === 'full') return each
      const name = placeName(id)
      const early = this.#results.add(name, id, at)
      if (early === undefined && live) return each
      // Without an answer, `results` asks again later.
      const outcome = early ?? (await this.#results.ask(name, id).catch(nothing))
      return outcome === undefined ? each : { ...each, outcome }
    })
    return Promise.all(told)
  }

  /** A put is confirmed when `minReplicas` replicas have it, and the server that it was written to is still the master. */
  async #confirm(inserted: readonly Placed[]): Promise<void> {
    const { name, minReplicas = 0 } = this.#options
    const kept = inserted.filter(({ state }) => state !== 'full')
    const ids = kept.map(({ id }) => id)
    if (ids.length === 0) return
    let cause: unknown
    const { replicas, history } = await this.#link.confirm(minReplicas).catch((error: unknown) => {
      cause = error
      return { replicas: 0, history: '' }
    })
    const others = kept.filter((one) => history !== '' && one.history && one.history !== history)
    const count = others.length > 0 ? 0 : replicas
    if (count < minReplicas) throw new UnconfirmedError(name, ids, count, minReplicas, { cause })
  }

  #reach(): Promise<void> | undefined {
    return this.#declared.done ? undefined : this.#declared.ready()
  }

  /** The claim that was taken; `undefined` where the item cannot be decoded: then the job is dead. */
  #read(taken: Taken): Claim<T> | undefined {
    try {
      return claimOf(taken, this.#options.codec, this.agreed.maxDeliveries ?? MAX_DELIVERIES)
    } catch (error) {
      const { name, message } = errorRecord(error)
      const record: JobErrorRecord = { name, message: `the item cannot be decoded: ${message}` }
      const { token } = taken
      this.#steps
        .end([{ token, kind: 'f', delay: 0, text: JSON.stringify(record), until: undefined }])
        .catch(() => {})
      return undefined
    }
  }

  #end({ token, record }: Claim, ending: Ending): End {
    const held = this.#leases.byToken(placeName(record.id), token)
    if (held !== undefined) this.#leases.remove(held)
    return endOf(token, ending, held?.until)
  }

  async #extend({ token, record }: Claim<T>, lease: Millis): Promise<boolean> {
    const held = this.#leases.byToken(placeName(record.id), token)
    if (held === undefined) return false
    const sent = await this.#steps.renew(token, lease, held.until)
    if (sent === undefined) {
      this.#leases.remove(held)
      return false
    }
    this.#leases.extend(held, this.#leases.endOf(sent, lease))
    return true
  }

  #giveBack(claim: Claim): void {
    this.settle([{ claim, ending: { outcome: 'released', delay: 0 } }]).catch(() => {})
  }

  async #change(verb: string, ...args: string[]): Promise<boolean> {
    return this.#link.run('change', this.#options.resultTtl, [verb, ...args], flagOf)
  }

  /** Messages may have been lost while there was no listener. */
  #missed(): void {
    this.#declared.renew()
    this.#results.missed()
    this.#listeners.tell('missed')
    const told = this.#toldOfPause
    this.#inspection.paused().then(
      (paused) => {
        // A message that came in the meantime is newer than the answer: the two come by different connections.
        if (told === this.#toldOfPause) this.#pausedTo(paused)
      },
      () => {},
    )
  }

  #pausedTo(paused: boolean): void {
    this.#toldOfPause += 1
    if (this.#paused === paused) return
    this.#paused = paused
    this.#listeners.tell('paused', paused)
  }

  /** A claimed job is cancelled. A later job of the same id has another place. */
  #cancelled(place: string, reason: string): void {
    const held = this.#leases.get(readPlace(place).id)
    if (held === undefined || readToken(held.token).place !== place) return
    this.#listeners.tell('cancelled', held.id, held.delivery, readReason(reason))
  }
}

function nothing(): undefined {}

/** A time as lua/change.lua reads it. */
function atText(at: number | undefined): string {
  return at === undefined ? '' : String(at)
}
