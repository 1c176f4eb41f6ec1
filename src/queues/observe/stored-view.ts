import * as check from '../../core/check.ts'
import type {
  DeathInfo,
  DeathsOptions,
  GroupInfo,
  GroupsOptions,
  ListOptions,
  QueueCounts,
  QueuedJobInfo,
} from '../job.ts'
import { DEATHS_OPTIONS, GROUPS_OPTIONS, LIST_OPTIONS } from '../job.ts'
import type { JobErrorRecord, StoredRecord } from '../store/job-record.ts'
import type { DeathCount, GroupCounts, JobStore, StoreCounts } from '../store/job-store.ts'

const STATES = ['waiting', 'delayed', 'running', 'dead', 'completed'] as const

/** What can be seen of the jobs of a queue in a store elsewhere. Changes nothing. */
export class StoredView {
  readonly #store: JobStore
  /** What was counted last: for what is read at once. */
  latest: QueueCounts | undefined
  #counting = false

  constructor(store: JobStore) {
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
    const record = await this.#store.get(check.text('id', id))
    return record && infoOf<T, R>(record)
  }

  async list<T, R>(
    options: ListOptions,
  ): Promise<{ jobs: QueuedJobInfo<T, R>[]; cursor?: string }> {
    check.known('queue.jobs', options, LIST_OPTIONS)
    const state = check.oneOf('state', options.state, STATES)
    const limit = check.integer('limit', options.limit ?? 100, 1)
    const { jobs, cursor } = await this.#store.list(state, limit, options.cursor)
    return { jobs: jobs.map((each) => infoOf<T, R>(each)), ...(cursor !== undefined && { cursor }) }
  }

  async groups(options: GroupsOptions): Promise<GroupInfo[]> {
    check.known('queue.groups', options, GROUPS_OPTIONS)
    const limit = check.integer('limit', options.limit ?? 20, 1)
    const among = options.among === undefined ? Infinity : check.integer('among', options.among, 1)
    const groups = await this.#store.groups(limit, among)
    return groups.map(groupOf)
  }

  async deaths(options: DeathsOptions): Promise<DeathInfo[]> {
    check.known('queue.deadByError', options, DEATHS_OPTIONS)
    const latest =
      options.latest === undefined ? Infinity : check.integer('latest', options.latest, 1)
    return (await this.#store.deaths(100, latest)).map(deathOf)
  }
}

/** What a store knows of a job, as people look at it. */
function infoOf<T, R>(record: StoredRecord): QueuedJobInfo<T, R> {
  const { group, startedAt, endedAt, dueAt, progress, result, error, state, tries } = record
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
      })),
    ...(group !== undefined && { group }),
    ...(dueAt !== undefined && { dueAt: new Date(dueAt) }),
    ...(startedAt !== undefined && { startedAt: new Date(startedAt) }),
    ...(endedAt !== undefined && { endedAt: new Date(endedAt) }),
    ...(progress !== undefined && { progress }),
    ...(state === 'completed' && { result: result as R }),
    ...(error !== undefined && { error: shown(error) }),
  }
}

function countsOf({ oldest, ...counts }: StoreCounts): QueueCounts {
  return { ...counts, oldest: oldest / 1000 }
}

function groupOf({ group, waiting, running, oldest }: GroupCounts): GroupInfo {
  return { group, waiting, running, oldest: oldest / 1000 }
}

function deathOf({ error, count, first, last }: DeathCount): DeathInfo {
  return { error, count, first: new Date(first), last: new Date(last) }
}

function shown({ name, message, code }: JobErrorRecord): {
  name: string
  message: string
  code?: string
} {
  return { name, message, ...(code !== undefined && { code }) }
}

function nothing(): void {}
