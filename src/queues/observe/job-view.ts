import type { Clock } from '../../core/clock.ts'
import type { Millis } from '../../core/duration.ts'
import { errorMessage } from '../../core/error-text.ts'
import type { Attempts } from '../consume/attempts.ts'
import type {
  DeadJobsByError,
  GroupInfo,
  JobAttempt,
  ListOptions,
  QueueCounts,
  QueuedJobInfo,
  RedriveOptions,
} from '../job.ts'
import { MOST_TRIES } from '../store/job-history.ts'
import { errorRecord } from '../store/job-record.ts'
import type { KeptJob, KeptJobs } from '../store/kept-jobs.ts'
import type { FailedTry, LocalJob } from '../store/local-job.ts'
import type { MemoryJobs } from '../store/memory-jobs.ts'
import type { JobWalk } from '../store/orders/job-walk.ts'
import { Backlog } from './backlog.ts'
import { shown, shownWhole } from './error-info.ts'
import { ListPages } from './list-pages.ts'
import { type GroupsLook, type Listing, MOST_ERRORS } from './look-options.ts'

/** How many jobs of a state are at the front. */
const FRONT = 100

/** What can be seen of the jobs of a queue in this process. Changes no job. */
export class JobView {
  readonly #jobs: MemoryJobs
  readonly #attempts: Attempts
  readonly #clock: Clock
  readonly #backlog: Backlog
  readonly #pages = new ListPages()

  constructor(jobs: MemoryJobs, attempts: Attempts, clock: Clock) {
    this.#jobs = jobs
    this.#attempts = attempts
    this.#clock = clock
    this.#backlog = new Backlog(jobs, clock)
  }

  counts(): QueueCounts {
    const jobs = this.#jobs
    const { completed, failed, size: running } = this.#attempts
    const waiting = jobs.size - jobs.delayed
    return {
      waiting,
      delayed: jobs.delayed,
      running,
      dead: jobs.history.dead.size,
      completed,
      failed,
      oldest: waiting === 0 ? 0 : Math.max(0, this.#clock.now() - this.#backlog.oldestSince) / 1000,
    }
  }

  /** `undefined` for a job that is over and not kept. */
  info<T, R>(job: LocalJob): QueuedJobInfo<T, R> | undefined {
    const state = this.#stateOf(job)
    if (state === undefined) return undefined
    const { group, due, byDate, reported, tries = [] } = job.extras ?? {}
    const { history } = this.#jobs
    const kept = history.find(job.id)
    const until =
      kept === undefined
        ? Infinity
        : kept.endedAt + (state === 'dead' ? history.dead : history.completed).age
    const startedAt = kept?.startedAt ?? history.startOf(job, this.#attempts.of(job)?.begunAt)
    const last = tries.at(-1)
    const date = this.#dates()
    return {
      id: job.id,
      state,
      item: job.item as T,
      priority: job.priority,
      attempts: job.attempt,
      deliveries: job.deliveries,
      createdAt: date(this.#jobs.numbers.timeOf(job.seq)),
      tries: endedTries(tries, kept, date),
      ...(group !== undefined && { group }),
      ...(state === 'delayed' &&
        due !== undefined && { dueAt: byDate === true ? new Date(due) : date(due) }),
      ...(startedAt !== undefined && { startedAt: date(startedAt) }),
      ...(kept !== undefined && { endedAt: date(kept.endedAt) }),
      ...(reported !== undefined && { progress: reported }),
      ...(state === 'completed' && { result: job.outcome as R }),
      ...(state === 'dead' && { error: shownWhole(errorRecord(job.outcome)) }),
      ...(kept === undefined &&
        last !== undefined && { error: shownWhole(errorRecord(last.error)) }),
      ...(until < Infinity && { keptUntil: date(until) }),
    }
  }

  list<T, R>({
    state,
    limit,
    cursor,
  }: Listing): {
    jobs: QueuedJobInfo<T, R>[]
    cursor?: string
  } {
    const page = this.#pages.open(cursor)
    const jobs: QueuedJobInfo<T, R>[] = []
    for (const job of this.#inState(state)) {
      if (page.passes(job)) continue
      const info = this.info<T, R>(job)
      if (info === undefined) continue
      if (jobs.length === limit) return { jobs, cursor: page.end() }
      jobs.push(info)
      page.show(job)
    }
    return { jobs }
  }

  /** Looks for a job where lists begin: most ids that are looked up were read from a list. */
  front(id: string): LocalJob | undefined {
    for (const state of ['running', 'waiting', 'delayed'] as const) {
      let looks = FRONT
      for (const job of this.#inState(state)) {
        if (job.id === id) return job
        looks -= 1
        if (looks === 0) break
      }
    }
    return undefined
  }

  /** Shows each job that waits or runs, in no order, and some of them twice. */
  visit(walk: JobWalk): void {
    this.#jobs.visit(walk)
    for (const job of this.#running()) walk.one(job)
  }

  /** The dead jobs that are meant: in the order of their ids, else the oldest first. */
  *dead({ ids, error, latest = Infinity }: RedriveOptions): Iterable<LocalJob> {
    const { dead } = this.#jobs.history
    const meant = ids === undefined ? [...dead.latest(latest)] : keptOf(ids, dead, latest)
    for (const { job } of meant) {
      if (error !== undefined && errorMessage(job.outcome) !== error) continue
      yield job
    }
  }

  deaths(latest: number): DeadJobsByError[] {
    const deaths = new Map<string, { count: number; first: Millis; last: Millis }>()
    for (const { job, endedAt } of this.#jobs.history.dead.latest(latest)) {
      const message = errorMessage(job.outcome)
      const known = deaths.get(message)
      if (known === undefined) deaths.set(message, { count: 1, first: endedAt, last: endedAt })
      else {
        known.count += 1
        known.last = endedAt
      }
    }
    const date = this.#dates()
    return [...deaths]
      .sort(([, a], [, b]) => b.count - a.count)
      .slice(0, MOST_ERRORS)
      .map(([error, { count, first, last }]) => ({
        error,
        count,
        first: date(first),
        last: date(last),
      }))
  }

  groups({ limit, among }: GroupsLook): GroupInfo[] {
    const now = this.#clock.now()
    return largest(this.#backlog.groups(), limit, among).map(
      ({ group, waiting, running, since }) => ({
        group,
        waiting,
        running,
        oldest: waiting === 0 ? 0 : Math.max(0, now - since) / 1000,
      }),
    )
  }

  *#inState(state: ListOptions['state']): Iterable<LocalJob> {
    if (state === 'waiting') yield* this.#jobs.waiting()
    else if (state === 'delayed') yield* this.#jobs.later()
    else if (state === 'running') yield* this.#running()
    else for (const { job } of this.#jobs.history[state]) yield job
  }

  *#running(): Iterable<LocalJob> {
    const { running, inline } = this.#attempts
    for (const { job } of running) yield job as LocalJob
    if (inline !== undefined) yield inline.job as LocalJob
  }

  #stateOf(job: LocalJob): QueuedJobInfo['state'] | undefined {
    const { state } = job
    if (state === 'waiting' || state === 'delayed' || state === 'running') return state
    if (state === 'failed' && this.#jobs.history.dead.get(job.id)?.job === job) return 'dead'
    if (state === 'completed' && this.#jobs.history.completed.get(job.id)?.job === job)
      return 'completed'
    return undefined
  }

  /** Turns moments into dates. One reading of both clocks for each answer: with two, one moment might have two dates. */
  #dates(): (time: Millis) => Date {
    const now = this.#clock.now()
    const wall = this.#clock.wall?.() ?? Date.now()
    return (time) => new Date(wall - (now - time))
  }
}

/** The attempts of a job that have ended: those that failed, and of a kept job the one that ended well. */
function endedTries(
  failed: readonly FailedTry[],
  kept: KeptJob | undefined,
  date: (time: Millis) => Date,
): JobAttempt[] {
  const ended = failed.map(({ startedAt, endedAt, error }) => ({
    startedAt: date(startedAt),
    endedAt: date(endedAt),
    error: shown(errorRecord(error)),
  }))
  if (kept?.begunAt === undefined) return ended
  const well = { startedAt: date(kept.begunAt), endedAt: date(kept.endedAt) }
  return [...ended, well].slice(-MOST_TRIES)
}

/** The jobs with these ids among the latest that are kept, in the order of the ids. */
function keptOf(ids: readonly string[], kept: KeptJobs, latest: number): KeptJob[] {
  const among = latest === Infinity ? undefined : new Set(kept.latest(latest))
  const jobs = [...new Set(ids)].map((id) => kept.get(id)).filter((job) => job !== undefined)
  return among === undefined ? jobs : jobs.filter((job) => among.has(job))
}

/** The groups with the longest backlog, the longest first: without sorting all, where there are many. */
function largest<G extends { readonly waiting: number }>(
  groups: Iterable<G>,
  limit: number,
  among: number,
): G[] {
  const most = 2 * limit
  let list: G[] = []
  let least = -1
  const cut = () => {
    list = list.sort((a, b) => b.waiting - a.waiting).slice(0, limit)
  }
  let looks = 0
  for (const group of groups) {
    looks += 1
    if (looks > among) break
    if (group.waiting <= least) continue
    list.push(group)
    if (list.length < most) continue
    cut()
    least = list.at(-1)?.waiting ?? -1
  }
  cut()
  return list
}
