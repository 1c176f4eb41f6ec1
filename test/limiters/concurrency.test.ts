import { LimiterFactory, MemoryStorage } from 'aioflux'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

describe('concurrency', () => {
  it('lets so many in, and the next when one leaves', async () => {
    const limiter = LimiterFactory.concurrency({ limit: 2 })
    expect([limiter.allow('k'), limiter.allow('k'), limiter.allow('k')]).toEqual([
      true,
      true,
      false,
    ])
    expect(limiter.decide('k')).toMatchObject({
      allowed: false,
      remaining: 0,
      retryAfter: 0,
      limit: 2,
    })
    await limiter.release('k')
    expect(limiter.allow('k')).toBe(true)
  })

  it('fractions fill the limit, and a key whose fractions have all come back is forgotten', async () => {
    const storage = new MemoryStorage()
    const limiter = LimiterFactory.concurrency({ limit: 1, storage })
    for (const cost of [0.1, 0.3, 0.7, 0.01]) {
      let inside = 0
      while (limiter.allow('k', cost)) inside += 1
      expect(inside, `${cost}`).toBe(Math.floor(1 / cost + 1e-9))
      for (let i = 0; i < inside; i++) await limiter.release('k', cost)
      expect(await limiter.peek('k'), `${cost}`).toMatchObject({ allowed: true, remaining: 1 })
    }
    for (const cost of [0.1, 0.2, 0.7]) limiter.allow('k', cost)
    for (const cost of [0.7, 0.1, 0.2]) await limiter.release('k', cost)
    expect((await limiter.getStats('k')).remaining).toBe(1)
  })

  it('a permit released twice is released once', async () => {
    const limiter = LimiterFactory.concurrency({ limit: 2 })
    const permit = await limiter.permit('k')
    const other = await limiter.permit('k')
    permit.release()
    permit.release()
    permit[Symbol.dispose]()
    await permit[Symbol.asyncDispose]()
    expect(permit.released).toBe(true)
    expect((await limiter.peek('k')).remaining).toBe(1)
    other.release()
    expect((await limiter.getStats('k')).remaining).toBe(2)
  })

  it('using gives the permit back', async () => {
    const limiter = LimiterFactory.concurrency({ limit: 1 })
    {
      await using permit = await limiter.permit('k')
      expect(permit.released).toBe(false)
      expect(limiter.tryPermit('k')).toBeUndefined()
    }
    expect(limiter.tryPermit('k')?.tokens).toBe(1)
  })

  it('schedule holds a permit while it runs, and gives it back when that throws', async () => {
    const limiter = LimiterFactory.concurrency({ limit: 3 })
    let inside = 0
    let most = 0
    const run = async (i: number) => {
      most = Math.max(most, ++inside)
      await new Promise((resolve) => setImmediate(resolve))
      inside--
      if (i % 5 === 0) throw new Error('some fail')
    }
    const jobs = Array.from({ length: 50 }, (_, i) => limiter.schedule('k', () => run(i)))
    const results = await Promise.allSettled(jobs)
    expect(most).toBe(3)
    expect(results.filter(({ status }) => status === 'rejected')).toHaveLength(10)
    expect((await limiter.peek('k')).remaining).toBe(3)
  })

  it('a raised limit lets in those who wait', async () => {
    const limiter = LimiterFactory.concurrency({ limit: 1 })
    limiter.allow('k')
    const wait = limiter.wait('k')
    await limiter.reconfigure({ limit: 2 })
    expect(await wait).toMatchObject({ allowed: true })
    await limiter.reconfigure({ limit: 1 })
    await limiter.release('k')
    expect(limiter.allow('k')).toBe(false)
  })

  it('never holds more than the limit, over random comings and goings', async () => {
    const step = fc.record({
      kind: fc.constantFrom('permit', 'permit', 'try', 'leave', 'abort'),
      tokens: fc.integer({ min: 1, max: 3 }),
      pick: fc.nat(20),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const limiter = LimiterFactory.concurrency({ limit: 3 })
        const held: { tokens: number; release(): void }[] = []
        const controllers: AbortController[] = []
        const waits: Promise<unknown>[] = []
        const check = () => {
          expect(held.reduce((sum, { tokens }) => sum + tokens, 0)).toBeLessThanOrEqual(3)
        }
        for (const { kind, tokens, pick } of steps) {
          if (kind === 'permit') {
            const controller = new AbortController()
            controllers.push(controller)
            const wait = limiter.permit('k', { cost: tokens, signal: controller.signal })
            waits.push(wait.then((permit) => held.push(permit)).catch(() => {}))
          } else if (kind === 'try') {
            const permit = limiter.tryPermit('k', tokens)
            if (permit !== undefined) held.push(permit)
          } else if (kind === 'leave') held.splice(pick % Math.max(1, held.length), 1)[0]?.release()
          else controllers[pick % Math.max(1, controllers.length)]?.abort()
          for (let i = 0; i < 10; i++) await Promise.resolve()
          check()
        }
        while ((await limiter.getStats()).waiting > 0 || held.length > 0) {
          held.shift()?.release()
          for (let i = 0; i < 10; i++) await Promise.resolve()
          check()
        }
        await Promise.all(waits)
        expect((await limiter.peek('k')).remaining).toBe(3)
      }),
      { numRuns: 100 },
    )
  })

  it.each([0, -1, 1.5, Number.NaN, '2'])('refuses the limit %s', (limit) => {
    expect(() => LimiterFactory.concurrency({ limit: limit as number })).toThrow(/^limit must be/)
  })
})
