import fc from 'fast-check'
import { it } from 'vitest'
import { ModelRun } from './model/run.ts'
import { ending, steps, world } from './model/world.ts'

it('keeps its promises with any options, whatever is done to it', async () => {
  await fc.assert(
    fc.asyncProperty(world, steps, ending, (options, verbs, end) =>
      new ModelRun(options, verbs).all(verbs, end),
    ),
    // The same runs each time: where it is red, a change has broken something. `npm run test:faults` goes on with others.
    { numRuns: 600, seed: 1_673_023_607 },
  )
}, 120_000)

it('leaves no batch without a worker or a timer, on a clock whose time passes between two readings', async () => {
  const batches = { kind: 'fifo', byHand: false, limiter: 'none', groups: false } as const
  await fc.assert(
    fc.asyncProperty(
      world,
      fc.constantFrom(2, 3),
      fc.integer({ min: 1, max: 100 }).map((n) => n / 4),
      steps,
      ending,
      (options, batch, creep, verbs, end) =>
        new ModelRun({ ...options, ...batches, batch, creep }, verbs).all(verbs, end),
    ),
    { numRuns: 300, seed: 1_673_023_607 },
  )
}, 120_000)

it('tells a handler that waits for room in its own queue, where none would come, and only there', async () => {
  const full = { maxSize: 2, overflow: 'wait', byHand: false, release: false } as const
  await fc.assert(
    fc.asyncProperty(
      world,
      fc.constantFrom('none' as const, 'bucket' as const),
      fc.integer({ min: 1, max: 2 }),
      steps,
      ending,
      (options, limiter, workers, verbs, end) =>
        new ModelRun({ ...options, ...full, limiter, workers }, verbs).all(verbs, end),
    ),
    { numRuns: 300, seed: 1_673_023_607 },
  )
}, 120_000)
