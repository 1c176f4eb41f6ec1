import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { AdaptiveLimiter, LimiterFactory } from 'aioflux'
import { Metrics } from 'aioflux/metrics'
import { expect, it } from 'vitest'

const series = (metrics: Metrics) =>
  [...metrics].flatMap((family) => [...family].map(({ text }) => `${family.name}{${text}}`))

it('a limiter that was closed is told no more, unless another one of its name counts on', async () => {
  const metrics = new Metrics()
  for (let round = 0; round < 50; round++) {
    const options = { rate: 1, name: `limit ${round}`, metrics }
    const limiters = [
      LimiterFactory.tokenBucket(options),
      LimiterFactory.slidingWindow(options),
      LimiterFactory.concurrency({ limit: 1, name: `permits ${round}`, metrics }),
      new AdaptiveLimiter({ name: `adaptive ${round}`, metrics }),
    ]
    const composite = LimiterFactory.composite(limiters, { metrics })
    await composite.acquire()
    await composite.acquire()
    const [first, ...others] = limiters
    await first?.close()
    expect(series(metrics).some((name) => name.includes(`"limit ${round}"`))).toBe(true)
    for (const limiter of [...others, composite]) await limiter.close()
    await composite.close()
  }
  expect(series(metrics)).toEqual([])
})

it('nor is one that nobody holds any more', async () => {
  setFlagsFromString('--expose_gc')
  const collect = runInNewContext('gc') as () => void
  const metrics = new Metrics()
  for (let i = 0; i < 50; i++)
    LimiterFactory.tokenBucket({ rate: 1, name: `${i}`, metrics }).allow()
  for (let i = 0; i < 20 && series(metrics).length > 0; i++) {
    await new Promise((resolve) => setImmediate(resolve))
    collect()
  }
  // The last ones may still lie on the stack.
  expect(series(metrics).length).toBeLessThan(50)
})
