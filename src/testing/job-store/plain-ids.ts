import type { Millis } from '../../core/duration.ts'
import type { JobDraft } from '../../queues/store/job-store.ts'
import type { PlainJob } from './plain-job.ts'

/** What the jobs that are there mean for a draft with their id. */
export type Meeting = 'new' | 'duplicate'

/** True when the job has neither ended nor been removed. */
export function isLive(job: PlainJob<unknown>): boolean {
  return job.state === 'waiting' || job.state === 'delayed' || job.state === 'running'
}

/** Which ids are taken, and what a draft with one of them changes. */
export class PlainIds {
  #remembered: { id: string; until: Millis }[] = []

  remember(id: string, until: Millis): void {
    this.#remembered.push({ id, until })
  }

  /** Forgets `id`, or all whose time is over. */
  forget(over: { id: string } | { now: Millis }): void {
    this.#remembered = this.#remembered.filter((other) =>
      'id' in over ? other.id !== over.id : other.until > over.now,
    )
  }

  knows(id: string): boolean {
    return this.#remembered.some((other) => other.id === id)
  }

  /** Meets the job with the id of `draft`, which may take over the newer item. */
  meet<T>(draft: JobDraft<T>, there: PlainJob<T> | undefined, now: Millis): Meeting {
    const { id, unique } = draft
    if (id === undefined) return 'new'
    const live = there !== undefined && isLive(there)
    if (unique === undefined) return there !== undefined || this.knows(id) ? 'duplicate' : 'new'
    if (unique.mode === 'ttl') return live || this.knows(id) ? 'duplicate' : 'new'
    if (!live) return 'new'
    // No caller of a job that was cancelled and still runs is joined: what comes then is done after it.
    const calledOff = there.cancelled !== undefined && there.again === undefined
    if (
      unique.mode === 'latest' ||
      unique.mode === 'debounce' ||
      (unique.mode === 'coalesce' && calledOff)
    ) {
      this.#replace(draft, there, now)
    }
    return 'duplicate'
  }

  #replace<T>(draft: JobDraft<T>, there: PlainJob<T>, now: Millis): void {
    const { unique } = draft
    there.item = structuredClone(draft.item)
    const debounced = unique?.mode === 'debounce'
    if (there.state === 'running') {
      there.again = debounced ? now + unique.delay : now
    } else if (debounced) {
      there.dueAt = Math.min(now + unique.delay, there.createdAt + unique.maxDelay)
      there.place = there.dueAt
      there.state = there.dueAt > now ? 'delayed' : 'waiting'
    }
  }
}
