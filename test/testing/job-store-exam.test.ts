import type { Duration } from 'aioflux'
import {
  type JobStoreTerms,
  jobStoreExam,
  ManualClock,
  PlainJobStore,
  seeded,
} from 'aioflux/testing'
import { describe, it } from 'vitest'

/** Waits for up to four turns of promises. */
function randomLatency(seed: number): () => Promise<void> {
  const random = seeded(seed)
  return async () => {
    for (let left = Math.floor(random() * 5); left > 0; left--) await Promise.resolve()
  }
}

function plain(terms: JobStoreTerms, latency?: () => Promise<unknown>) {
  const clock = new ManualClock('1h')
  const store = new PlainJobStore({ clock, terms, ...(latency && { latency }) })
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
