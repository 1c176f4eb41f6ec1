import type { Millis } from '../../core/duration.ts'
import type { JobErrorRecord, StoredRecord, StoredState } from '../../queues/store/job-record.ts'
import type {
  Claim,
  Ending,
  Inserted,
  JobDraft,
  JobStore,
  Room,
} from '../../queues/store/job-store.ts'
import { ensure, ensureSame } from '../law.ts'
import { Hearing } from './hearing.ts'
import type { JobStoreTerms } from './terms.ts'
import type { JobStoreUnderExam } from './under-exam.ts'

/** A lease that no law lets run out by mistake. */
export const LEASE: Millis = 30_000

const ROOM: Room = { maxSize: 1_000_000, overflow: 'refuse' }

/** A draft with everything at its default. */
export function draft(rest: Partial<JobDraft> = {}): JobDraft {
  return {
    ...{ item: 'item', id: undefined, priority: 0, delay: undefined, at: undefined },
    ...{ group: undefined, groupWeight: undefined, limiterKey: undefined, cost: 1 },
    ...{ terms: undefined, awaited: false, unique: undefined, ...rest },
  }
}

/** An error as it is kept. */
export function failure(message: string): JobErrorRecord {
  return { name: 'Error', message }
}

/** Short words for what laws do with a store. */
export class StoreDriver {
  readonly exam: JobStoreUnderExam
  readonly terms: JobStoreTerms
  readonly store: JobStore
  readonly #patience: Millis

  constructor(exam: JobStoreUnderExam, terms: JobStoreTerms, patience: Millis) {
    this.exam = exam
    this.terms = terms
    this.store = exam.store
    this.#patience = patience
  }

  async advance(time: Millis): Promise<void> {
    await this.exam.advance(`${time}ms`)
  }

  /** Puts one job: its item, and what differs from the defaults. */
  async put(item: unknown, rest: Partial<JobDraft> = {}, room: Room = ROOM): Promise<Inserted> {
    const [inserted] = await this.store.insert([draft({ item, ...rest })], room)
    ensure(inserted !== undefined, 'insert answers nothing for a draft')
    return inserted
  }

  /** Puts one job for each item, in one call. */
  async putAll(
    items: readonly unknown[],
    rest: Partial<JobDraft> = {},
    room: Room = ROOM,
  ): Promise<Inserted[]> {
    const drafts = items.map((item) => draft({ item, ...rest }))
    const inserted = await this.store.insert(drafts, room)
    ensureSame(inserted.length, items.length, 'answers of insert')
    return inserted
  }

  /** Claims the next job. */
  async take(lease: Millis = LEASE, store: JobStore = this.store): Promise<Claim> {
    const claims = await store.claim(1, lease)
    ensureSame(claims.length, 1, 'claims of one job that waits')
    return claims[0] as Claim
  }

  /** Claims one job after another until there is none. */
  async takeAll(lease: Millis = LEASE, store: JobStore = this.store): Promise<Claim[]> {
    const all: Claim[] = []
    for (;;) {
      const claims = await store.claim(1, lease)
      if (claims.length === 0) return all
      all.push(...claims)
    }
  }

  async none(what: string): Promise<void> {
    const claims = await this.store.claim(10, LEASE)
    ensureSame(itemsOf(claims), '', `claimed ${what}`)
  }

  async end(claim: Claim, ending: Ending, store: JobStore = this.store): Promise<boolean> {
    const [held] = await store.settle([{ claim, ending }])
    ensure(typeof held === 'boolean', 'settle answers nothing for a claim')
    return held
  }

  complete(claim: Claim, value: unknown = null, store: JobStore = this.store): Promise<boolean> {
    return this.end(claim, { outcome: 'completed', value }, store)
  }

  fail(claim: Claim, message = 'broken'): Promise<boolean> {
    return this.end(claim, { outcome: 'failed', error: failure(message) })
  }

  retry(claim: Claim, delay: Millis = 0, message = 'again'): Promise<boolean> {
    return this.end(claim, { outcome: 'retry', delay, error: failure(message) })
  }

  release(claim: Claim, delay: Millis = 0): Promise<boolean> {
    return this.end(claim, { outcome: 'released', delay })
  }

  async extend(claim: Claim, lease: Millis = LEASE): Promise<boolean> {
    const [held] = await this.store.extend([claim], lease)
    ensure(typeof held === 'boolean', 'extend answers nothing for a claim')
    return held
  }

  /** Puts a job, claims it and lets it fail for good. */
  async dead(item: unknown, message = 'broken', rest: Partial<JobDraft> = {}): Promise<string> {
    const { id } = await this.put(item, rest)
    await this.fail(await this.take(), message)
    return id
  }

  async stored(id: string): Promise<StoredRecord> {
    const job = await this.store.get(id)
    ensure(job !== undefined, `get does not know the job ${id}`)
    return job
  }

  async expectState(id: string, state: StoredState | undefined, when: string): Promise<void> {
    ensureSame((await this.store.get(id))?.state, state, `state ${when}`)
  }

  /** Every job in a state, by pages of `limit`. */
  async listed(state: StoredState, limit = 100): Promise<StoredRecord[]> {
    const all: StoredRecord[] = []
    let cursor: string | undefined
    for (let pages = 0; pages < 1000; pages++) {
      const page = await this.store.list(state, limit, cursor)
      ensure(page.jobs.length <= limit, `a page of ${page.jobs.length}, asked for ${limit}`)
      all.push(...page.jobs)
      cursor = page.cursor
      if (cursor === undefined) return all
    }
    throw new Error('list never comes to its last page')
  }

  async peer(): Promise<JobStore> {
    ensure(this.exam.peer !== undefined, 'the store under exam has no peer')
    return this.exam.peer()
  }

  /** Hears what the store tells from now on. */
  listen(store: JobStore = this.store): Hearing {
    return new Hearing(store, this.#patience)
  }
}

/** The items of claims or records, as one text. */
export function itemsOf(claims: readonly (Claim | StoredRecord)[]): string {
  return claims.map((one) => String('record' in one ? one.record.item : one.item)).join()
}
