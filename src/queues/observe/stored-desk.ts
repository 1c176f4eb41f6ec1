import type { Millis } from '../../core/duration.ts'
import type {
  DeadJobsByError,
  GroupInfo,
  QueueCounts,
  QueuedJobInfo,
  RedriveOptions,
} from '../job.ts'
import type { JobTerms, StoredRecord } from '../store/job-record.ts'
import type { DeathCount, GroupCounts, StoreCounts } from '../store/job-store.ts'
import type { SharedJobStore } from '../store/queue-storage.ts'
import type { Desk } from './desk.ts'
import { shown, shownWhole } from './error-info.ts'
import { type GroupsLook, type Listing, MOST_ERRORS } from './look-options.ts'

/** For how long dead jobs are kept unless `keep` says otherwise: as lua/step.lua has it. */
const DEAD_KEPT: Millis = 2_592_000_000

/** The desk of a queue whose jobs are in a storage. */
export class StoredDesk implements Desk {
  readonly #store: SharedJobStore
  /** What was counted last: for what is read at once. */
  latest: QueueCounts | undefined
  #counting = false

  constructor(store: SharedJobStore) {
    this.#store = store
  }

  async counts(): Promise<QueueCounts> {
    this.latest = countsOf(await this.#store.counts())
    return this.latest
  }

  /** Counts, so that `latest` is newer some time later. */
  refresh(): void {
    if (this.#counting) return
    this.#counting = true
    this.counts()
      .catch(nothing)
      .finally(() => {
        this.#counting = false
      })
  }

  async job<T, R>(id: string): Promise<QueuedJobInfo<T, R> | undefined> {
    const record = await this.#store.get(id)
    return record && infoOf<T, R>(record, this.#ages)
  }

  async list<T, R>({
    state,
    limit,
    cursor: from,
  }: Listing): Promise<{ jobs: QueuedJobInfo<T, R>[]; cursor?: string }> {
    const { jobs, cursor } = await this.#store.list(state, limit, from)
    return {
      jobs: jobs.map((each) => infoOf<T, R>(each, this.#ages)),
      ...(cursor !== undefined && { cursor }),
    }
  }

  async groups({ limit, among }: GroupsLook): Promise<GroupInfo[]> {
    const groups = await this.#store.groups(limit, among)
    return groups.map(groupOf)
  }

  async deaths(latest: number): Promise<DeadJobsByError[]> {
    return (await this.#store.deaths(MOST_ERRORS, latest)).map(deathOf)
  }

  async cancel(id: string, reason: unknown): Promise<boolean> {
    return this.#store.cancel(id, reason)
  }

  async remove(id: string): Promise<boolean> {
    return this.#store.remove(id)
  }

  async redrive(options: RedriveOptions): Promise<number> {
    return this.#store.redrive(options)
  }

  /** For how long ended jobs are kept. */
  get #ages(): { dead: Millis; completed: Millis } {
    const { keepDead, keepCompleted } = this.#store.agreed
    return { dead: keepDead?.age ?? DEAD_KEPT, completed: keepCompleted?.age ?? Infinity }
  }
}

/**
 * What a store elsewhere knows of a job, as people look at it.
 *
 * @param ages for how long ended jobs are kept, in milliseconds
 */
function infoOf<T, R>(
  record: StoredRecord,
  ages: { readonly dead: Millis; readonly completed: Millis },
): QueuedJobInfo<T, R> {
  const { group, startedAt, endedAt, dueAt, progress, result, error, state, tries } = record
  const keptFor = state === 'dead' || state === 'completed' ? ages[state] : Infinity
  const trace = traceOf(record.terms)
  return {
    id: record.id,
    state,
    item: record.item as T,
    priority: record.priority,
    attempts: record.failures + (state === 'running' || state === 'completed' ? 1 : 0),
    deliveries: record.deliveries,
    createdAt: new Date(record.createdAt),
    tries: tries
      .filter(({ endedAt: ended }) => ended !== undefined)
      .map((each) => ({
        startedAt: new Date(each.startedAt),
        endedAt: new Date(each.endedAt as number),
        ...(each.error !== undefined && { error: shown(each.error) }),
        ...(each.error?.by !== undefined && { by: each.error.by }),
      })),
    ...(group !== undefined && { group }),
    ...(dueAt !== undefined && { dueAt: new Date(dueAt) }),
    ...(startedAt !== undefined && { startedAt: new Date(startedAt) }),
    ...(endedAt !== undefined && { endedAt: new Date(endedAt) }),
    ...(progress !== undefined && { progress }),
    ...(state === 'completed' && { result: result as R }),
    ...(error !== undefined && { error: shownWhole(error) }),
    ...(endedAt !== undefined && keptFor < Infinity && { keptUntil: new Date(endedAt + keptFor) }),
    ...(trace !== undefined && { trace }),
  }
}

function countsOf({ oldest, ...counts }: StoreCounts): QueueCounts {
  return { ...counts, oldest: oldest / 1000 }
}

function groupOf({ group, waiting, running, oldest }: GroupCounts): GroupInfo {
  return { group, waiting, running, oldest: oldest / 1000 }
}

function deathOf({ error, count, first, last }: DeathCount): DeadJobsByError {
  return { error, count, first: new Date(first), last: new Date(last) }
}

/** The id in a `traceparent`, as W3C Trace Context has it: version, id of the trace, id of the span, flags. */
function traceOf(terms: JobTerms | undefined): string | undefined {
  return /^[\da-f]{2}-([\da-f]{32})-/.exec(terms?.headers?.['traceparent'] ?? '')?.[1]
}

function nothing(): void {}
