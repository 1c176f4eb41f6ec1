import type { Millis } from '../../core/duration.ts'
import type { JobErrorRecord } from '../../queues/store/job-record.ts'
import type {
  Claim,
  Ending,
  Inserted,
  JobDraft,
  Redrive,
  Room,
  Settlement,
} from '../../queues/store/job-store.ts'
import { isLive, meet } from './plain-ids.ts'
import { before, endTry, type PlainJob, type Process, recordOf, runOf } from './plain-job.ts'
import { PlainLimits } from './plain-limits.ts'
import { PlainShelf } from './plain-shelf.ts'
import type { JobStoreTerms } from './terms.ts'

/**
 * The jobs of a plain store, and every move on them: lists and scans, so that each rule can be seen. Call `catchUp` before
 * each move. One object serves several processes.
 */
export class PlainJobs<T = unknown> extends PlainShelf<T> {
  protected readonly limits: PlainLimits
  /** How many jobs waited when a draft was refused. */
  #refusedAt = 0

  constructor(terms: JobStoreTerms, now: () => Millis) {
    super(terms, now)
    this.limits = new PlainLimits(terms.limiter)
  }

  /**
   * Does what time has brought: leases that ran out, jobs that are due, records that are kept no longer. `true` where a job
   * waits that did not.
   */
  catchUp(): boolean {
    const { now } = this
    const until = (job: PlainJob<T>) => job.holder?.until ?? 0
    const lost = this.inState('running')
      .filter((job) => this.isOver(job))
      // Of leases that end at once, group after group: a job that has a newer item lines up anew at its end.
      .sort((a, b) => until(a) - until(b) || byGroup(a, b) || before(a, b))
    for (const job of lost) this.lose(job)
    const due = this.inState('delayed').filter((job) => this.isDue(job))
    for (const job of due) job.state = 'waiting'
    this.trim('completed', this.terms.keep.completed)
    this.trim('dead', this.terms.keep.dead)
    this.outcomes = this.outcomes.filter(({ until }) => until > now)
    this.ids.forget({ now })
    this.keys.forget({ now })
    return lost.length + due.length > 0
  }

  /** When time brings something next; Infinity where it does not. */
  next(): Millis {
    const { now } = this
    const running = this.inState('running')
    let next = Infinity
    for (const job of running) next = Math.min(next, job.holder?.until ?? now)
    for (const job of this.inState('delayed')) next = Math.min(next, job.dueAt ?? now)
    for (const job of this.inState('waiting')) {
      const wait = this.limits.wait(job, running, now)
      if (wait > 0) next = Math.min(next, now + wait)
    }
    return next
  }

  insert(drafts: readonly JobDraft<T>[], room: Room, process: Process): Inserted[] {
    // What cannot be copied is refused before anything is kept.
    for (const draft of drafts) structuredClone(draft.item)
    return drafts.map((draft) => this.insertOne(draft, room, process))
  }

  protected insertOne(draft: JobDraft<T>, room: Room, process: Process): Inserted {
    const own = this.standsFor(draft.id) !== undefined
    const first = this.firstOf(draft)
    if (first !== undefined) {
      const there = this.find(first)
      // How one that has ended ended is known at once.
      if (draft.awaited && there !== undefined && isLive(there)) there.askers.add(process)
      return { id: first, state: 'duplicate', ...(own && { own }) }
    }
    const dropped: string[] = []
    while (this.inState('waiting', 'delayed').length >= room.maxSize) {
      const oldest = this.givesWay()
      if (room.overflow === 'refuse' || oldest === undefined) {
        this.#refusedAt = this.inState('waiting', 'delayed').length
        return { id: draft.id ?? '', state: 'full' }
      }
      this.drop(oldest)
      dropped.push(oldest.id)
    }
    const job = this.keep(draft)
    if (draft.awaited) job.askers.add(process)
    const state = job.state === 'delayed' ? 'delayed' : 'waiting'
    return { id: job.id, state, ...(dropped.length > 0 && { dropped }) }
  }

  /** The id of the job that has the own id of the draft already, or its key. A job of its key takes over what is newer. */
  protected firstOf(draft: JobDraft<T>): string | undefined {
    const { id, unique } = draft
    if (id !== undefined) {
      if ((this.find(id) ?? this.ids.holder(id)) !== undefined) return id
      const stands = this.standsFor(id)
      if (stands !== undefined) return stands.id
    }
    if (unique === undefined) return undefined
    const there = this.holderOf(unique.key)
    if (there === undefined) return this.keys.holder(unique.key)
    meet(draft, there, this.now)
    return there.id
  }

  /** The job that the own id of an item stands for which took the place of another. */
  protected standsFor(id: string | undefined): PlainJob<T> | undefined {
    return id === undefined ? undefined : this.jobs.find((job) => job.others.includes(id))
  }

  claim(max: number, lease: Millis, process: Process): Claim<T>[] {
    const claims: Claim<T>[] = []
    while (claims.length < max) {
      const job = this.turns.next(this.startable())
      if (job === undefined) break
      claims.push(this.start(job, lease, process))
    }
    return claims
  }

  /** The jobs that may start now, best first. Of jobs with one group and one key only the first may. */
  startable(): PlainJob<T>[] {
    if (this.paused) return []
    const running = this.inState('running')
    const lanes = new Set<string>()
    return this.inState('waiting')
      .sort(before)
      .filter((job) => {
        if (this.isBound(job, running)) return false
        if (job.limiterKey === undefined || this.terms.limiter === undefined) return true
        const lane = JSON.stringify([job.group, job.limiterKey])
        if (lanes.has(lane)) return false
        lanes.add(lane)
        return this.limits.wait(job, running, this.now) === 0
      })
  }

  /** True when the group of the job runs as many as it may. */
  protected isBound(job: PlainJob<T>, running: readonly PlainJob<T>[]): boolean {
    const { groupConcurrency = Infinity } = this.terms
    if (job.group === undefined) return false
    return running.filter((other) => other.group === job.group).length >= groupConcurrency
  }

  /** Claims a job. */
  start(job: PlainJob<T>, lease: Millis, process: Process): Claim<T> {
    const { now } = this
    this.turns.served(job.group)
    this.limits.take(job, now)
    job.state = 'running'
    job.deliveries += 1
    job.startedAt ??= now
    job.tries = [...job.tries, { startedAt: now }].slice(-5)
    const token = runOf(job)
    job.holder = { process, delivery: job.deliveries, token, until: now + lease }
    const suspect = job.losses > 0 && job.losses >= this.terms.maxDeliveries - 1
    const claim = { record: recordOf(job), delivery: job.deliveries, token, run: token }
    return suspect ? { ...claim, suspect } : claim
  }

  /** The job whose claim this is, while it holds. */
  held(claim: Claim): PlainJob<T> | undefined {
    const job = this.find(claim.record.id)
    return job?.holder !== undefined && job.holder.token === claim.token ? job : undefined
  }

  settle(ends: readonly Settlement[]): boolean[] {
    return ends.map(({ claim, ending }) => {
      const job = this.held(claim)
      if (job !== undefined) this.end(job, ending)
      return job !== undefined
    })
  }

  protected end(job: PlainJob<T>, ending: Ending): void {
    const { outcome } = ending
    const error = outcome === 'failed' || outcome === 'retry' ? ending.error : undefined
    this.letGo(job, error)
    if (error !== undefined) Object.assign(job, { failures: job.failures + 1, error })
    if (outcome === 'completed') this.complete(job, ending.value)
    else if (job.cancelled !== undefined) this.callOff(job)
    else if (outcome === 'failed') this.bury(job, ending.error)
    else this.park(job, ending.delay)
  }

  /** No claim holds the job any more. */
  protected letGo(job: PlainJob<T>, error?: JobErrorRecord): void {
    job.holder = undefined
    endTry(job, this.now, error)
  }

  protected complete(job: PlainJob<T>, value: unknown): void {
    this.completed += 1
    if (job.again !== undefined) {
      this.anew(job, Math.max(job.again.due, this.now))
      return
    }
    Object.assign(job, { state: 'completed', endedAt: this.now, result: value })
    this.ended(job, { state: 'completed', value, run: runOf(job) })
    this.trim('completed', this.terms.keep.completed)
  }

  protected bury(job: PlainJob<T>, error: JobErrorRecord): void {
    this.failed += 1
    if (job.again !== undefined) {
      this.anew(job, Math.max(job.again.due, this.now))
      return
    }
    Object.assign(job, { state: 'dead', endedAt: this.now, error })
    this.keys.forget({ name: job.unique?.key })
    this.ended(job, { state: 'failed', error, run: runOf(job) })
    this.trim('dead', this.terms.keep.dead)
  }

  protected lose(job: PlainJob<T>): void {
    const { holder } = job
    job.losses += 1
    const { losses } = job
    const error = { name: 'Error', message: `no outcome after ${losses} lost claims` }
    this.letGo(job, { name: 'Error', message: 'the claim was lost' })
    holder?.process.hear((listener) => listener.lost?.(job.id, holder.delivery))
    if (job.cancelled !== undefined) this.callOff(job)
    else if (losses >= this.terms.maxDeliveries) this.bury(job, error)
    else this.park(job, 0)
  }

  extend(claims: readonly Claim<T>[], lease: Millis): boolean[] {
    return claims.map((claim) => {
      const holder = this.held(claim)?.holder
      if (holder !== undefined) holder.until = this.now + lease
      return holder !== undefined
    })
  }

  progress(claim: Claim<T>, value: unknown): boolean {
    const job = this.held(claim)
    if (job !== undefined) job.progress = structuredClone(value)
    return job !== undefined
  }

  cancel(id: string, reason: unknown): boolean {
    const job = this.find(id)
    if (job === undefined || !isLive(job)) return false
    job.cancelled = { reason }
    // What was to be done once more is called off too. What comes from now on is not.
    job.again = undefined
    const { holder } = job
    if (holder === undefined) this.callOff(job)
    else holder.process.hear((to) => to.cancelled?.(id, holder.delivery, reason))
    return true
  }

  remove(id: string): boolean {
    const job = this.find(id)
    if (job?.state === 'running') return false
    const known = (job ?? this.ids.holder(id)) !== undefined
    if (job === undefined) this.ids.forget({ name: id })
    else this.drop(job)
    return known
  }

  reprioritise(id: string, priority: number): boolean {
    const job = this.find(id)
    if (job?.state !== 'waiting' && job?.state !== 'delayed') return false
    job.priority = priority
    return true
  }

  redrive({ ids, limit = Infinity, error, latest = Infinity }: Redrive): number {
    const which = this.inState('dead')
      .sort((a, b) => a.end - b.end)
      .slice(-latest)
      .filter((job) => ids === undefined || ids.includes(job.id))
      .filter((job) => error === undefined || job.error?.message === error)
    if (ids !== undefined) which.sort((a, b) => ids.indexOf(a.id) - ids.indexOf(b.id))
    let count = 0
    for (const job of which) {
      // While another job has its key it stays dead: each thing once.
      if (count >= limit || this.isTaken(job.unique?.key)) continue
      this.anew(job, this.now)
      count += 1
    }
    return count
  }

  protected isTaken(key: string | undefined): boolean {
    return key !== undefined && (this.holderOf(key) ?? this.keys.holder(key)) !== undefined
  }

  clear(): T[] {
    const waiting = this.inState('waiting', 'delayed').sort(before)
    for (const job of waiting) this.drop(job)
    return waiting.map((job) => job.item)
  }

  pause(paused: boolean): void {
    if (this.paused === paused) return
    this.paused = paused
    this.announce((listener) => listener.paused?.(paused))
  }

  /** Tells every process where there is something to claim. */
  announceWork(): void {
    if (this.startable().length > 0) this.announce((listener) => listener.available?.())
  }

  /** Tells every process where there is room again for a draft that was refused. */
  announceRoom(): void {
    if (this.inState('waiting', 'delayed').length >= this.#refusedAt) return
    this.#refusedAt = 0
    this.announce((listener) => listener.room?.())
  }

  /** True when the lease has run out. */
  protected isOver(job: PlainJob<T>): boolean {
    return job.holder !== undefined && job.holder.until <= this.now
  }

  protected isDue(job: PlainJob<T>): boolean {
    return (job.dueAt ?? 0) <= this.now
  }

  /** The job that makes room for another one. */
  protected givesWay(): PlainJob<T> | undefined {
    const waiting = this.inState('waiting').sort(
      (a, b) => a.priority - b.priority || a.place - b.place || a.serial - b.serial,
    )
    return waiting[0] ?? this.inState('delayed').sort((a, b) => (a.dueAt ?? 0) - (b.dueAt ?? 0))[0]
  }
}

function byGroup(a: PlainJob<unknown>, b: PlainJob<unknown>): number {
  const [one = '', other = ''] = [a.group, b.group]
  return one === other ? 0 : one < other ? -1 : 1
}
