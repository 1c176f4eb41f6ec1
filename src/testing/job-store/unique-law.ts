import type { Inserted, JobDraft, Uniqueness } from '../../queues/store/job-store.ts'
import { ensureSame } from '../law.ts'
import type { StoreDriver } from './driver.ts'
import type { LawText } from './law-text.ts'

// How laws are written about a draft whose id, or whose dedupe key, is taken.

const NEVER: Omit<Uniqueness, 'mode'> = { ttl: 0, delay: 0, maxDelay: 0 }

/** A law about one way to treat a draft whose key is taken. `put` puts an item with the key `key`. */
export function law(
  unique: Uniqueness,
  name: string,
  run: (driver: StoreDriver, put: Put) => Promise<void>,
): LawText {
  return {
    name: `${unique.mode}: ${name}`,
    needs: [unique.mode],
    terms: { unique },
    run: (driver) =>
      run(driver, (item, rest) => driver.put(item, { unique: { ...unique, key: 'key' }, ...rest })),
  }
}

type Put = (item: unknown, rest?: Partial<JobDraft>) => Promise<Inserted>

export const pending: Uniqueness = { mode: 'pending', ...NEVER }
export const ttl: Uniqueness = { mode: 'ttl', ...NEVER, ttl: 1000 }
export const coalesce: Uniqueness = { mode: 'coalesce', ...NEVER }
export const latest: Uniqueness = { mode: 'latest', ...NEVER }
export const debounce: Uniqueness = { mode: 'debounce', ...NEVER, delay: 100, maxDelay: 250 }

export function expectDuplicate(answer: Inserted, id: string, when: string): void {
  ensureSame(answer.state, 'duplicate', `state that insert answers ${when}`)
  ensureSame(answer.id, id, `id that insert answers ${when}`)
}
