import fc from 'fast-check'
import { inject, it } from 'vitest'
import { FleetRun, fleet, steps } from '../redis/queues/fleet/fleet-run.ts'
import { figure, seeded, short } from '../support/figure.ts'

it('two processes with random options keep the promises of a queue under random calls', async () => {
  const next = seeded('queue fleet')
  const until = Date.now() + (short ? 3_000 : 180_000)
  let runs = 0
  while (Date.now() < until) {
    const numRuns = 10
    await fc.assert(
      fc.asyncProperty(fleet, steps, (options, verbs) =>
        new FleetRun(inject('redisUrl'), options).all(verbs),
      ),
      { numRuns, seed: Math.floor(next() * 2 ** 31), interruptAfterTimeLimit: 100_000 },
    )
    runs += numRuns
  }
  figure('queue fleet: runs', runs, '> 0', runs > 0)
}, 600_000)
