import type { Millis } from '../../core/duration.ts'
import type {
  JobErrorRecord,
  JobRecord,
  StoredRecord,
  TryRecord,
} from '../../queues/store/job-record.ts'
import type { JobDraft, StoreListener, UniqueKey } from '../../queues/store/job-store.ts'

/** One process, as the jobs see it. */
export interface Process {
  /** Notes what its listeners are to be told. */
  hear(tell: (listener: StoreListener) => void): void
  /** Tells them, when the move is over. */
  deliver(): void
}

type Open<T> = { -readonly [K in keyof T]: T[K] }

/** A job and all that a plain store knows about it. */
export interface PlainJob<T> extends Open<StoredRecord<T>> {
  tries: TryRecord[]
  /** In which order jobs were kept, started anew or redriven. */
  serial: number
  /** When it was put or, where it was delayed by its put, when it became due. Earlier goes first. */
  place: Millis
  groupWeight: number
  /** In which order jobs ended. */
  end: number
  /** Claims that were lost. */
  losses: number
  holder: Holder | undefined
  /** Processes that want the result. */
  askers: Set<Process>
  cancelled: { reason: unknown } | undefined
  /** What makes it the same as another job. */
  unique: UniqueKey | undefined
  /** True where the caller chose the id. */
  own: boolean
  /** The own ids of items that have taken the place of the one before. */
  others: string[]
  /** Set where a newer item came while it ran: it runs once more, not before `due`, as `draft` was put. */
  again: { readonly due: Millis; readonly draft: JobDraft<T> } | undefined
}

/** A claim that holds. */
export interface Holder {
  readonly process: Process
  readonly delivery: number
  readonly token: string
  until: Millis
}

/** Which of two waiting jobs goes first: negative for `a`. */
export function before(a: PlainJob<unknown>, b: PlainJob<unknown>): number {
  return b.priority - a.priority || a.place - b.place || a.serial - b.serial
}

/** A new job for a draft. */
export function plainJob<T>(
  draft: JobDraft<T>,
  id: string,
  serial: number,
  now: Millis,
): PlainJob<T> {
  const { unique } = draft
  const debounced =
    unique?.mode === 'debounce' ? now + Math.min(unique.delay, unique.maxDelay) : now
  const due = Math.max(debounced, draft.at ?? now + (draft.delay ?? 0))
  return {
    id,
    item: structuredClone(draft.item),
    priority: draft.priority,
    group: draft.group,
    limiterKey: draft.limiterKey,
    cost: draft.cost,
    failures: 0,
    deliveries: 0,
    createdAt: now,
    terms: draft.terms,
    state: due > now ? 'delayed' : 'waiting',
    startedAt: undefined,
    endedAt: undefined,
    dueAt: due > now ? due : undefined,
    progress: undefined,
    result: undefined,
    error: undefined,
    tries: [],
    serial,
    place: Math.max(due, now),
    groupWeight: draft.groupWeight ?? 1,
    end: 0,
    losses: 0,
    holder: undefined,
    askers: new Set(),
    cancelled: undefined,
    unique,
    own: draft.id !== undefined,
    others: [],
    again: undefined,
  }
}

/** What tells the last claim of a job from all others, also of jobs with its id. */
export function runOf({ serial, deliveries }: PlainJob<unknown>): string {
  return `${serial}#${deliveries}`
}

/** What a claimed job tells its holder. */
export function recordOf<T>(job: PlainJob<T>): JobRecord<T> {
  const { id, item, priority, group, limiterKey, cost } = job
  const { failures, deliveries, createdAt, terms } = job
  return {
    ...{ id, item: structuredClone(item), priority, group, limiterKey, cost },
    ...{ failures, deliveries, createdAt, terms },
  }
}

/** What a job tells people that look at it. */
export function storedOf<T>(job: PlainJob<T>): StoredRecord<T> {
  const { state, startedAt, endedAt, dueAt, progress, result, error, tries } = job
  return {
    ...recordOf(job),
    ...{ state, startedAt, endedAt, progress, result, error },
    dueAt: state === 'delayed' ? dueAt : undefined,
    tries: tries.map((attempt) => ({ ...attempt })),
  }
}

/** Notes the end of the attempt that runs. */
export function endTry(job: PlainJob<unknown>, now: Millis, error?: JobErrorRecord): void {
  const last = job.tries.at(-1)
  if (last === undefined) return
  job.tries[job.tries.length - 1] = { ...last, endedAt: now, ...(error && { error }) }
}
