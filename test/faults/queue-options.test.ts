import fc from 'fast-check'
import { it } from 'vitest'
import { PromisedRun, promisedWorld } from '../queues/model/promised-run.ts'
import { ModelRun } from '../queues/model/run.ts'
import { ending, steps, type World, world } from '../queues/model/world.ts'
import { figure, seeded, short } from '../support/figure.ts'

/** Corners that any world seldom has. */
const corners: readonly Partial<World>[] = [
  {},
  { kind: 'fifo', batch: 2, bisect: true, byHand: false },
  { kind: 'fifo', batch: 3, bisect: false, release: true, timeout: 100, byHand: false },
  { maxSize: 2, overflow: 'wait', workers: 1, byHand: false, release: false, limiter: 'none' },
  { limiter: 'concurrency', keyed: true, groups: true, groupConcurrency: 1 },
  { limiter: 'bucket', keyed: true, costs: true, groups: true, groupConcurrency: 2 },
]

it('queues with random options keep their promises under random calls', async () => {
  const next = seeded('queue options')
  const until = Date.now() + (short ? 1_000 : 60_000)
  let runs = 0
  while (Date.now() < until) {
    const numRuns = 100
    await fc.assert(
      fc.asyncProperty(
        world,
        fc.constantFrom(...corners),
        steps,
        ending,
        (any, corner, verbs, end) => new ModelRun({ ...any, ...corner }, verbs).all(verbs, end),
      ),
      { numRuns, seed: Math.floor(next() * 2 ** 31) },
    )
    runs += numRuns
  }
  figure('queue options: runs', runs, '> 0', runs > 0)
})

it('queues over a storage that answers late keep their promises under random calls', async () => {
  const next = seeded('promised queues')
  const until = Date.now() + (short ? 1_000 : 60_000)
  let runs = 0
  while (Date.now() < until) {
    const numRuns = 100
    await fc.assert(
      fc.asyncProperty(promisedWorld, steps, ending, (any, verbs, end) =>
        new PromisedRun(any).all(verbs, end),
      ),
      { numRuns, seed: Math.floor(next() * 2 ** 31) },
    )
    runs += numRuns
  }
  figure('queues over late storages: runs', runs, '> 0', runs > 0)
})
