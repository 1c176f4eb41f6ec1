import { getEventListeners } from 'node:events'
import { type CreateLimiter, LimiterFactory, MemoryStorage, type Quota } from 'aioflux'
import { ManualClock } from 'aioflux/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

/** Lets promises that are ready go on. */
const settle = async () => {
  for (let i = 0; i < 20; i++) await Promise.resolve()
}

function bucket(rate: number, burst = rate) {
  const clock = new ManualClock('1h')
  return { clock, limiter: LimiterFactory.tokenBucket({ rate, per: '1s', burst, clock }) }
}

describe('wait', () => {
  it('resolves at once while there is enough, without a timer', async () => {
    const { clock, limiter } = bucket(2)
    expect(await limiter.wait('k')).toMatchObject({ allowed: true, remaining: 1, retryAfter: 0 })
    await limiter.wait('k')
    expect(clock.timers).toBe(0)
  })

  it('comes at the very moment, not before', async () => {
    const { clock, limiter } = bucket(1)
    limiter.allow('k')
    let served = false
    const wait = limiter.wait('k').then(() => {
      served = true
    })
    await clock.advanceAsync('999ms')
    expect(served).toBe(false)
    await clock.advanceAsync('1ms')
    expect(served).toBe(true)
    await wait
  })

  it('a big head is not starved by small calls behind it or beside it', async () => {
    const { clock, limiter } = bucket(10)
    limiter.allow('k', 10)
    const order: string[] = []
    const waits = [
      limiter.wait('k', { cost: 10 }).then(() => order.push('big')),
      limiter.wait('k').then(() => order.push('small')),
    ]
    for (let i = 0; i < 9; i++) {
      await clock.advanceAsync('100ms')
      expect(limiter.allow('k')).toBe(false)
    }
    await clock.advanceAsync('300ms')
    await Promise.all(waits)
    expect(order).toEqual(['big', 'small'])
  })

  it('refuses at once, by the line ahead, what cannot come in time', async () => {
    const { limiter } = bucket(10)
    limiter.allow('k', 10)
    const patient = Array.from({ length: 20 }, () => limiter.wait('k', { timeout: '10s' }))
    await expect(limiter.wait('k', { timeout: '2s' })).rejects.toMatchObject({
      code: 'WAIT_TIMEOUT',
      retryAfter: 2.1,
    })
    const fits = limiter.wait('k', { timeout: '2.1s' })
    await limiter.close()
    for (const wait of [...patient, fits]) {
      await expect(wait).rejects.toMatchObject({ code: 'CLOSED' })
    }
  })

  it('tells the forecast that comes true, for every rule', async () => {
    const factories = ['tokenBucket', 'leakyBucket', 'slidingWindow', 'fixedWindow'] as const
    for (const name of factories) {
      const clock = new ManualClock('1h')
      const limiter = (LimiterFactory[name] as CreateLimiter<Quota>)({ rate: 4, per: '1s', clock })
      limiter.allow('k', 3)
      clock.advance('200ms')
      const told: number[] = []
      const served: number[] = []
      for (let i = 0; i < 15; i++) {
        const refused = await limiter.wait('k', { timeout: 1e-9 }).catch((error) => error)
        told.push(Math.round((refused.retryAfter ?? 0) * 1000))
        if (refused.retryAfter === undefined) continue
        const started = clock.now()
        void limiter.wait('k').then(() => served.push(clock.now() - started))
        await settle()
      }
      await clock.advanceAsync('20s')
      const expected = told.filter((millis) => millis > 0)
      expect([name, ...served.slice(-expected.length).map(Math.round)]).toEqual([name, ...expected])
    }
  })

  it('an aborted head gives back exactly what it held, and the next one moves up', async () => {
    const { clock, limiter } = bucket(1)
    limiter.allow('k')
    const controller = new AbortController()
    const head = limiter.wait('k', { signal: controller.signal })
    let served = 0
    const next = limiter.wait('k').then(() => served++)
    await clock.advanceAsync('500ms')
    controller.abort()
    await expect(head).rejects.toMatchObject({ name: 'AbortError' })
    await clock.advanceAsync('500ms')
    expect(served).toBe(1)
    await next
    expect(clock.timers).toBe(0)
  })

  it('an aborted signal is refused before anything is taken', async () => {
    const { limiter } = bucket(1)
    const signal = AbortSignal.abort(new Error('before'))
    await expect(limiter.wait('k', { signal })).rejects.toThrow('before')
    expect(limiter.allow('k')).toBe(true)
  })

  it('leaves no listener on a signal, however it ends', async () => {
    const { clock, limiter } = bucket(1)
    const { signal } = new AbortController()
    const waits = Array.from({ length: 5 }, () => limiter.wait('k', { signal }))
    await clock.advanceAsync('2s')
    await limiter.close()
    await Promise.allSettled(waits)
    expect(getEventListeners(signal, 'abort')).toHaveLength(0)
  })

  it('makes an even stream of a leaky bucket, from the second caller on', async () => {
    const clock = new ManualClock('1h')
    const limiter = LimiterFactory.leakyBucket({ rate: 10, per: '1s', clock })
    const served: number[] = []
    for (let i = 0; i < 4; i++) void limiter.wait('k').then(() => served.push(clock.now()))
    await clock.advanceAsync('1s')
    expect(served.map((at) => at - 3_600_000)).toEqual([0, 100, 200, 300])
  })

  it('is served when its turn comes at the very end of its time', async () => {
    const { clock, limiter } = bucket(1)
    limiter.allow('k')
    const wait = limiter.wait('k', { timeout: '1s' }).then(() => clock.now())
    await clock.advanceAsync('2s')
    expect(await wait).toBe(3_601_000)
    expect(clock.timers).toBe(0)
  })

  it('takes nothing for those whose time was over before a timer could tell', async () => {
    let now = 0
    const timers = new Set<() => void>()
    const clock = {
      now: () => now,
      after: (_delay: number, run: () => void) => {
        timers.add(run)
        return () => timers.delete(run)
      },
    }
    const limiter = LimiterFactory.tokenBucket({ rate: 1, per: '1s', burst: 10, clock })
    limiter.allow('k', 10)
    const head = limiter.wait('k')
    const late = limiter.wait('k', { timeout: '5s' })
    await settle()
    now = 100_000
    for (const run of [...timers]) if (timers.delete(run)) run()
    await head
    await expect(late).rejects.toMatchObject({ code: 'WAIT_TIMEOUT' })
    expect(timers.size).toBe(0)
    expect((await limiter.peek('k')).remaining).toBe(10)
  })

  it('leaves at its timeout, from the middle of the line too', async () => {
    const clock = new ManualClock()
    const limiter = LimiterFactory.concurrency({ limit: 1, clock })
    await limiter.acquire('k')
    const waits = [
      limiter.wait('k', { timeout: '3s' }),
      limiter.wait('k', { timeout: '1s' }),
      limiter.wait('k', { timeout: '2s' }),
      limiter.wait('k'),
    ]
    const ends: string[] = []
    waits.forEach((wait, i) => {
      wait.then(
        () => ends.push(`${i} served at ${clock.now()}`),
        (error) => ends.push(`${i} ${error.code} at ${clock.now()}`),
      )
    })
    await clock.advanceAsync('1.5s')
    await limiter.release('k')
    await clock.advanceAsync('5s')
    await limiter.release('k')
    await settle()
    expect(ends).toEqual([
      '1 WAIT_TIMEOUT at 1000',
      '0 served at 1500',
      '2 WAIT_TIMEOUT at 2000',
      '3 served at 6500',
    ])
    expect(clock.timers).toBe(0)
  })

  // Half a minute on Deno.
  it('100,000 waiters of one key take one timer, and leave in any order without effort', {
    timeout: 120_000,
  }, async () => {
    const { clock, limiter } = bucket(1)
    limiter.allow('k')
    const controllers = Array.from({ length: 20_000 }, () => new AbortController())
    const waits = controllers.flatMap(({ signal }) => [
      limiter.wait('k', { signal }),
      ...Array.from({ length: 4 }, () => limiter.wait('k')),
    ])
    await settle()
    expect((await limiter.getStats()).waiting).toBe(100_000)
    expect(clock.timers).toBe(1)
    for (let i = 0; i < controllers.length; i++) {
      controllers[(i * 7919) % controllers.length]?.abort()
    }
    await settle()
    expect((await limiter.getStats()).waiting).toBe(80_000)
    expect(clock.timers).toBe(1)
    await limiter.close()
    await Promise.allSettled(waits)
    expect(clock.timers).toBe(0)
    clock.advance('1s')
    expect(limiter.allow('k')).toBe(true)
  })

  it('release, reset, reconfigure and unblocking reach those who wait', async () => {
    const { clock, limiter } = bucket(1)
    const served: string[] = []
    for (const change of [
      () => limiter.release('k'),
      () => limiter.reset('k'),
      () => limiter.reconfigure({ rate: 1e6 }),
    ]) {
      await limiter.reconfigure({ rate: 1, per: '1h' })
      await limiter.reset('k')
      limiter.allow('k')
      const wait = limiter.wait('k').then(() => served.push('served'))
      await settle()
      await change()
      await clock.advanceAsync('10ms')
      await wait
    }
    expect(served).toHaveLength(3)
  })

  it('waits out a block', async () => {
    const { clock, limiter } = bucket(10)
    await limiter.block('k', '5s')
    await expect(limiter.wait('k', { timeout: '4s' })).rejects.toMatchObject({ retryAfter: 5 })
    const wait = limiter.wait('k').then(() => clock.now())
    await clock.advanceAsync('10s')
    expect(await wait).toBe(3_605_000)
  })

  it('whatever happens, everyone is settled, in order, and no window holds too much', async () => {
    const step = fc.record({
      kind: fc.constantFrom('wait', 'wait', 'wait', 'abort', 'acquire', 'advance', 'release'),
      cost: fc.integer({ min: 1, max: 3 }),
      pick: fc.nat(50),
      millis: fc.integer({ min: 0, max: 400 }),
    })
    const factories = ['tokenBucket', 'leakyBucket', 'slidingWindow', 'fixedWindow'] as const
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...factories),
        fc.array(step, { maxLength: 40 }),
        async (name, steps) => {
          const clock = new ManualClock('1h')
          const limiter = (LimiterFactory[name] as CreateLimiter<Quota>)({
            rate: 3,
            per: '1s',
            clock,
          })
          const grants: { at: number; cost: number }[] = []
          const order: number[] = []
          const controllers: AbortController[] = []
          const waits: Promise<unknown>[] = []
          let released = 0
          for (const { kind, cost, pick, millis } of steps) {
            if (kind === 'wait') {
              const controller = new AbortController()
              const id = controllers.push(controller)
              const wait = limiter.wait('k', { cost, signal: controller.signal })
              waits.push(
                wait.then(
                  () => {
                    grants.push({ at: clock.now(), cost })
                    order.push(id)
                  },
                  () => {},
                ),
              )
              await settle()
            } else if (kind === 'abort') {
              controllers[pick % Math.max(1, controllers.length)]?.abort()
              // A caller that is served now hears of it a few microtasks later than one that finds no line in the same turn.
              await settle()
            } else if (kind === 'acquire') {
              if (limiter.allow('k', cost)) grants.push({ at: clock.now(), cost })
            } else if (kind === 'release' && pick < 5) {
              await limiter.release('k', cost)
              released += cost
            } else await clock.advanceAsync(millis / 1000)
          }
          await clock.advanceAsync('100s')
          await Promise.all(waits)
          expect(order).toEqual([...order].sort((a, b) => a - b))
          expect(clock.timers).toBe(0)
          if (released > 0) return
          for (const [i, first] of grants.entries()) {
            let sum = 0
            for (const grant of grants.slice(i)) {
              sum += grant.cost
              const seconds = (grant.at - first.at) / 1000
              const bound =
                name === 'slidingWindow'
                  ? 3 * (Math.floor(seconds + 1e-9) + 1)
                  : name === 'fixedWindow'
                    ? 3 * (Math.floor(seconds) + 2)
                    : 3 + 3 * seconds
              expect(sum).toBeLessThanOrEqual(bound + 0.005)
            }
          }
        },
      ),
      { numRuns: 150 },
    )
  })
})

describe('schedule', () => {
  it('waits, runs, and returns what the function returns', async () => {
    const { clock, limiter } = bucket(1)
    expect(await limiter.schedule('k', () => 'now')).toBe('now')
    const later = limiter.schedule('k', async (signal) => [signal.aborted, clock.now()])
    await clock.advanceAsync('1s')
    expect(await later).toEqual([false, 3_601_000])
  })

  it('passes on what the function throws', async () => {
    const { limiter } = bucket(5)
    const failing = limiter.schedule('k', () => {
      throw new Error('inside')
    })
    await expect(failing).rejects.toThrow('inside')
    await expect(limiter.schedule('k', 'text' as never)).rejects.toThrow(/fn must be a function/)
  })
})

describe('limiters that share their counts', () => {
  function two() {
    const clock = new ManualClock('1h')
    const storage = new MemoryStorage({ clock })
    const make = () =>
      LimiterFactory.tokenBucket({ rate: 1, per: '1s', burst: 10, storage, scope: 'shared' })
    return { clock, one: make(), other: make() }
  }

  it('what one gives back goes to who waits at another', async () => {
    const clock = new ManualClock('1h')
    const storage = new MemoryStorage({ clock })
    const make = () => LimiterFactory.concurrency({ limit: 1, storage, scope: 'shared' })
    const [one, other] = [make(), make()]
    await one.acquire('k')
    let served = false
    const wait = other.wait('k').then(() => {
      served = true
    })
    await settle()
    expect(served).toBe(false)
    await one.release('k')
    await settle()
    expect(served).toBe(true)
    await wait
  })

  it('a new rate holds for who waits at another, and nothing is counted twice', async () => {
    const { clock, one, other } = two()
    one.allow('k', 10)
    let served = false
    const wait = other.wait('k', { cost: 4 }).then(() => {
      served = true
    })
    await settle()
    await one.reconfigure({ rate: 100 })
    await clock.advanceAsync('41ms')
    expect(served).toBe(true)
    await wait
    await clock.advanceAsync('60ms')
    expect((await one.peek('k')).remaining).toBe(6)
  })

  it('who waits no more is not remembered', async () => {
    const { one, other } = two()
    one.allow('k', 10)
    const controller = new AbortController()
    const wait = other.wait('k', { signal: controller.signal })
    controller.abort()
    await expect(wait).rejects.toThrow()
    await one.reset('k')
    expect(one.allow('k', 10)).toBe(true)
  })
})
