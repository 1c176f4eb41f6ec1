import { it } from 'vitest'
import { PromisedRun, type PromisedWorld } from './model/promised-run.ts'
import type { Step } from './model/world.ts'

// Found by the fuzz: the clock leaps further than the lease while claims are on their way.
it('a claim that is lost before a worker begins gives its permit back', async () => {
  const world: PromisedWorld = {
    ...{ kind: 'priority', mode: 'ttl', ttl: 50, quiet: 0, maxDelay: undefined, keyFn: false },
    ...{ priorityFn: false, idTtl: undefined, started: true, processes: 1, workers: 2 },
    ...{ limiter: 'local permits', costs: false, groups: false, groupConcurrency: 1 },
    ...{ attempts: 1, pause: 0, timeout: undefined, release: false, batch: 0, bisect: false },
    ...{ maxSize: 2, overflow: 'wait', keep: false, deadLetter: false, metered: false },
    ...{ lease: 600, maxDeliveries: undefined, together: 10 },
  }
  const put = (how: 'put' | 'submit', timeout?: number): Step => ({
    ...{ do: 'put', how, item: { deeds: ['sync'], key: 'a', cost: 1, group: 'x' }, priority: 0 },
    ...{ group: undefined, delay: undefined, dated: false, id: undefined, same: 0 },
    ...{ signal: false, timeout, retry: undefined },
  })
  const steps: Step[] = [
    put('put', 50),
    { do: 'move', which: 0, priority: 0 },
    { do: 'advance', ms: 1000 },
    put('put'),
    put('submit', 500),
    { do: 'advance', ms: 1000 },
  ]
  const ending = { deadline: undefined, grace: 0, workers: undefined, again: undefined }
  await new PromisedRun(world).all(steps, { mode: 'drain', ...ending, meanwhile: [] })
})
