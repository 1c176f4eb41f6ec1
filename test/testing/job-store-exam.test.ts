import type { Duration } from 'aioflux'
import {
  type JobStoreTerms,
  type JobStoreUnderExam,
  jobStoreExam,
  ManualClock,
  PlainJobStore,
  seeded,
  storageExam,
} from 'aioflux/testing'
import { describe, expect, it } from 'vitest'
import type { PlainJobs } from '../../src/testing/job-store/plain-jobs.ts'
import { MUTANTS, type Mutant } from './job-store-mutants.ts'

/** Waits for up to four turns of promises. */
function randomLatency(seed: number): () => Promise<void> {
  const random = seeded(seed)
  return async () => {
    for (let left = Math.floor(random() * 5); left > 0; left--) await Promise.resolve()
  }
}

function plain(terms: JobStoreTerms, latency?: () => Promise<unknown>): JobStoreUnderExam {
  const clock = new ManualClock('1h')
  const store = new PlainJobStore({ clock, terms, ...(latency && { latency }) })
  return {
    store,
    advance: (duration: Duration) => clock.advanceAsync(duration),
    peer: () => store.peer(),
    refused: () => {},
  }
}

/** A plain store over jobs with a fault. */
function faulty({ jobs }: Mutant, terms: JobStoreTerms): JobStoreUnderExam {
  const clock = new ManualClock('1h')
  const store = new PlainJobStore({ clock, terms })
  const inside = store as unknown as { share(jobs: PlainJobs): void }
  inside.share(new jobs(terms, () => clock.wall()))
  return {
    store,
    advance: (duration: Duration) => clock.advanceAsync(duration),
    peer: () => store.peer(),
    refused: () => {},
  }
}

describe('a plain job store that answers at once keeps the law:', () => {
  for (const law of jobStoreExam((terms) => plain(terms))) it(law.name, () => law.run())
})

describe('a plain job store that answers with promises keeps the law:', () => {
  for (const law of jobStoreExam((terms) => plain(terms, randomLatency(1)))) {
    it(law.name, () => law.run())
  }
})

describe('jobStoreExam', () => {
  it.each(MUTANTS)('catches a store that $fault', async (mutant) => {
    const exam = jobStoreExam((terms) => faulty(mutant, terms), { patience: '20ms' })
    const law = exam.find(({ name }) => name === mutant.law)
    await expect((async () => law?.run())(), mutant.law).rejects.toThrow()
    if (mutant.model) await expect((async () => exam.at(-1)?.run())()).rejects.toThrow(/^seed \d+/)
  })

  it('finds a fault by the seed that it has named', async () => {
    const [first] = MUTANTS
    const make = (terms: JobStoreTerms) => faulty(first as Mutant, terms)
    const run = async (seed: number, runs: number) =>
      jobStoreExam(make, { seed, runs }).at(-1)?.run()
    const failure = await run(1, 100).then(
      () => '',
      (error: Error) => error.message,
    )
    const seed = Number(/^seed (\d+)/.exec(failure)?.[1])
    await expect(run(seed, 1)).rejects.toThrow(failure)
  })

  it.each([
    ['make', () => jobStoreExam(undefined as never), /^make must be a function, got undefined/],
    ['make', () => storageExam({} as never), /^make must be a function, got an object/],
    // A misspelt feature would be examined all the same.
    [
      'cannot',
      () => jobStoreExam((terms) => plain(terms), { cannot: ['lease'] as never }),
      /^cannot must be one of 'leases', .* got 'lease'/,
    ],
    ['seed', () => seeded('1' as never), /^seed must be a number, got '1'/],
  ])('refuses a wrong %s', (_, act, message) => {
    expect(act).toThrow(message)
  })

  it('lists what a store cannot do', async () => {
    const laws = jobStoreExam((terms) => plain(terms), { cannot: ['leases', 'groups'] })
    const all = jobStoreExam((terms) => plain(terms))
    expect(laws.length).toBe(all.length)
    const missing = laws.filter((law) => law.missing !== undefined)
    expect(missing.length).toBeGreaterThan(20)
    for (const { name } of missing) expect(name).toMatch(/^not examined, no (leases|groups)/)
    expect(missing.map(({ name }) => name)).toContain(
      'not examined, no groups, leases: a claim that is lost gives its place in the bound back',
    )
    await laws.at(-1)?.run()
  })
})
