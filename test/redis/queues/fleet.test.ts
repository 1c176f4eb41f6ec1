import fc from 'fast-check'
import { inject, it } from 'vitest'
import { FleetRun, fleet, steps } from './fleet/fleet-run.ts'

it('two processes keep the promises of a queue with any options, whatever is done to it', async () => {
  await fc.assert(
    fc.asyncProperty(fleet, steps, (options, verbs) =>
      new FleetRun(inject('redisUrl'), options).all(verbs),
    ),
    // The same runs each time. `npm run test:faults` goes on with others.
    { numRuns: 12, seed: 20_261_129 },
  )
}, 120_000)
