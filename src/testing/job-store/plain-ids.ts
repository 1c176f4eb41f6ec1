import type { Millis } from '../../core/duration.ts'
import type { JobDraft } from '../../queues/store/job-store.ts'
import type { PlainJob } from './plain-job.ts'

/** True when the job has neither ended nor been removed. */
export function isLive(job: PlainJob<unknown>): boolean {
  return job.state === 'waiting' || job.state === 'delayed' || job.state === 'running'
}

/** Names that stay taken for a time: own ids after the end of their jobs, or keys after their puts. */
export class PlainNames {
  #remembered: { name: string; id: string; until: Millis }[] = []

  /** @param id of the job that has the name */
  remember(name: string, id: string, until: Millis): void {
    this.#remembered.push({ name, id, until })
  }

  /** Forgets `name`, or all whose time is over. */
  forget(over: { name: string | undefined } | { now: Millis }): void {
    this.#remembered = this.#remembered.filter((other) =>
      'name' in over ? other.name !== over.name : other.until > over.now,
    )
  }

  /** The id of the job that has the name. */
  holder(name: string): string | undefined {
    return this.#remembered.findLast((other) => other.name === name)?.id
  }
}

/** A draft meets a job of its key, which waits or runs, and may take its place: then its own id stands for that job too. */
export function meet<T>(draft: JobDraft<T>, there: PlainJob<T>, now: Millis): void {
  // No caller of a job that was cancelled and still runs is joined: what comes then is done after it.
  const calledOff = there.cancelled !== undefined && there.again === undefined
  const mode = draft.unique?.mode
  const replaces = mode === 'latest' || mode === 'debounce' || (mode === 'coalesce' && calledOff)
  if (!replaces) return
  replace(draft, there, now)
  if (draft.id !== undefined) there.others.push(draft.id)
}

function replace<T>(draft: JobDraft<T>, there: PlainJob<T>, now: Millis): void {
  const { unique } = draft
  there.item = structuredClone(draft.item)
  there.terms = draft.terms
  const quiet = unique?.mode === 'debounce' ? unique : undefined
  if (there.state === 'running') {
    there.again = { due: now + (quiet?.delay ?? 0), draft }
    return
  }
  label(there, draft)
  if (quiet === undefined || there.state === 'waiting') return
  there.dueAt = Math.min(now + quiet.delay, there.createdAt + quiet.maxDelay)
  there.place = there.dueAt
  if (there.dueAt <= now) there.state = 'waiting'
}

/** A job has the place that another draft was put with. */
export function label<T>(job: PlainJob<T>, draft: JobDraft<T>): void {
  const { priority, group, limiterKey, cost, groupWeight } = draft
  Object.assign(job, { priority, group, limiterKey, cost, groupWeight: groupWeight ?? 1 })
}
