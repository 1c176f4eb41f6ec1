import type { StoreDriver } from './driver.ts'
import type { JobStoreTerms } from './terms.ts'
import type { StoreCapability } from './under-exam.ts'

/** A law as it is written down. */
export interface LawText {
  readonly name: string
  readonly needs?: readonly StoreCapability[]
  /** What differs from the usual terms. */
  readonly terms?: Partial<JobStoreTerms>
  run(driver: StoreDriver): Promise<void>
}
