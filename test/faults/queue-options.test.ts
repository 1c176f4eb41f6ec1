import fc from 'fast-check'
import { it } from 'vitest'
import { ModelRun } from '../queues/model/run.ts'
import { ending, steps, world } from '../queues/model/world.ts'
import { figure, seeded, short } from '../support/figure.ts'

it('queues with random options keep their promises under random calls', async () => {
  const next = seeded('queue options')
  const until = Date.now() + (short ? 1_000 : 60_000)
  let runs = 0
  while (Date.now() < until) {
    const numRuns = 100
    await fc.assert(
      fc.asyncProperty(world, steps, ending, (options, verbs, end) =>
        new ModelRun(options, verbs).all(verbs, end),
      ),
      { numRuns, seed: Math.floor(next() * 2 ** 31) },
    )
    runs += numRuns
  }
  figure('queue options: runs', runs, '> 0', runs > 0)
})
