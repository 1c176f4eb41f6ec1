import type { DeathInfo, GroupInfo, QueueCounts, QueuedJobInfo } from '../job.ts'
import type { JobErrorRecord, StoredRecord } from '../store/job-record.ts'
import type { DeathCount, GroupCounts, StoreCounts } from '../store/job-store.ts'

/** What a store elsewhere knows of a job, as people look at it. */
export function infoOf<T, R>(record: StoredRecord): QueuedJobInfo<T, R> {
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

export function countsOf({ oldest, ...counts }: StoreCounts): QueueCounts {
  return { ...counts, oldest: oldest / 1000 }
}

export function groupOf({ group, waiting, running, oldest }: GroupCounts): GroupInfo {
  return { group, waiting, running, oldest: oldest / 1000 }
}

export function deathOf({ error, count, first, last }: DeathCount): DeathInfo {
  return { error, count, first: new Date(first), last: new Date(last) }
}

function shown({ name, message, code }: JobErrorRecord): {
  name: string
  message: string
  code?: string
} {
  return { name, message, ...(code !== undefined && { code }) }
}
