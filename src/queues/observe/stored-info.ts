import type { Millis } from '../../core/duration.ts'
import type { DeathInfo, GroupInfo, JobErrorInfo, QueueCounts, QueuedJobInfo } from '../job.ts'
import type { JobErrorRecord, JobTerms, StoredRecord } from '../store/job-record.ts'
import type { DeathCount, GroupCounts, StoreCounts } from '../store/job-store.ts'

/**
 * What a store elsewhere knows of a job, as people look at it.
 *
 * @param ages for how long ended jobs are kept, in milliseconds
 */
export function infoOf<T, R>(
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

export function countsOf({ oldest, ...counts }: StoreCounts): QueueCounts {
  return { ...counts, oldest: oldest / 1000 }
}

export function groupOf({ group, waiting, running, oldest }: GroupCounts): GroupInfo {
  return { group, waiting, running, oldest: oldest / 1000 }
}

export function deathOf({ error, count, first, last }: DeathCount): DeathInfo {
  return { error, count, first: new Date(first), last: new Date(last) }
}

export function shown({ name, message, code }: JobErrorRecord): JobErrorInfo {
  return { name, message, ...(code !== undefined && { code }) }
}

export function shownWhole(error: JobErrorRecord): JobErrorInfo {
  return { ...shown(error), ...(error.stack !== undefined && { stack: error.stack }) }
}

/** The id in a `traceparent`, as W3C Trace Context has it: version, id of the trace, id of the span, flags. */
function traceOf(terms: JobTerms | undefined): string | undefined {
  return /^[\da-f]{2}-([\da-f]{32})-/.exec(terms?.headers?.['traceparent'] ?? '')?.[1]
}
