import {
  callable,
  finite,
  integer,
  known,
  must,
  type OptionTable,
  oneOf,
} from '../../core/check.ts'
import { type Duration, type Millis, toMillis } from '../../core/duration.ts'
import { claimLaws } from './claim-laws.ts'
import { commandLaws } from './command-laws.ts'
import { dedupeLaws } from './dedupe-laws.ts'
import { StoreDriver } from './driver.ts'
import { endingLaws } from './ending-laws.ts'
import { groupLaws } from './group-laws.ts'
import { hintLaws } from './hint-laws.ts'
import { keyLaws } from './key-laws.ts'
import type { LawText } from './law-text.ts'
import { leaseLaws } from './lease-laws.ts'
import { modelLaw } from './model-law.ts'
import { orderLaws } from './order-laws.ts'
import { outcomeLaws } from './outcome-laws.ts'
import { ownIdLaws } from './own-id-laws.ts'
import { roomLaws } from './room-laws.ts'
import { DEFAULT_TERMS } from './terms.ts'
import {
  type JobStoreLaw,
  type MakeJobStore,
  STORE_CAPABILITIES,
  type StoreCapability,
} from './under-exam.ts'
import { viewLaws } from './view-laws.ts'

/** Options of {@link jobStoreExam}. */
export interface JobStoreExamOptions {
  /** The features that the store is without. Their laws are listed as not examined. @default it has all */
  cannot?: readonly StoreCapability[]
  /** How long a store may take to tell something, by the clock of this machine. @default '2s' */
  patience?: Duration
  /** How many runs of random calls are compared with a plain store. @default 100 */
  runs?: number
  /** The seed of the first of these runs; a failure names the seed of its run. @default 1 */
  seed?: number
}

const JOB_STORE_EXAM_OPTIONS: OptionTable<JobStoreExamOptions> = {
  cannot: true,
  patience: true,
  runs: true,
  seed: true,
}

/**
 * The laws that every job store keeps. `make` is called once for each law, and for each run of random calls in the last one.
 *
 * A law about a feature that the store is without stays in the list, with `missing` and with a name that says so.
 *
 * @example
 * const make = (terms) => {
 *   const clock = new ManualClock('1h')
 *   const store = new PlainJobStore({ clock, terms })
 *   return { store, advance: (d) => clock.advanceAsync(d), peer: () => store.peer(), refused: () => {} }
 * }
 * for (const law of jobStoreExam(make)) it.skipIf(law.missing)(law.name, () => law.run())
 */
export function jobStoreExam(make: MakeJobStore, options: JobStoreExamOptions = {}): JobStoreLaw[] {
  callable('make', make)
  known('jobStoreExam', options, JOB_STORE_EXAM_OPTIONS)
  const { cannot = [], runs = 100, seed = 1, patience: given = '2s' } = options
  must(Array.isArray(cannot), 'cannot', 'be an array', cannot)
  for (const feature of cannot) oneOf('cannot', feature, STORE_CAPABILITIES)
  integer('runs', runs, 0)
  finite('seed', seed)
  const patience = toMillis('patience', given)
  const texts: LawText[] = [
    ...claimLaws,
    ...orderLaws,
    ...endingLaws,
    ...leaseLaws,
    ...commandLaws,
    ...outcomeLaws,
    ...ownIdLaws,
    ...dedupeLaws,
    ...viewLaws,
    ...roomLaws,
    ...hintLaws,
    ...groupLaws,
    ...keyLaws,
  ]
  const laws = texts.map((text): JobStoreLaw => {
    const missing = (text.needs ?? []).filter((need) => cannot.includes(need))
    if (missing.length === 0) return { name: text.name, run: () => examine(make, text, patience) }
    return { name: `not examined, no ${missing.join(', ')}: ${text.name}`, missing, run() {} }
  })
  return [...laws, modelLaw(make, { runs, seed, cannot })]
}

async function examine(make: MakeJobStore, text: LawText, patience: Millis): Promise<void> {
  const terms = { ...DEFAULT_TERMS, ...text.terms }
  const exam = await make(terms)
  try {
    await text.run(new StoreDriver(exam, terms, patience))
  } finally {
    if (exam.close === undefined) await exam.store.close()
    else await exam.close()
  }
}
