import { getEventListeners } from 'node:events'
import {
  CircuitBreaker,
  CircuitBreakerOpen,
  type CircuitBreakerOptions,
  isAioFluxError,
  OptionRangeError,
  OptionTypeError,
} from 'aioflux'
import { describe, expect, it, vi } from 'vitest'
import { ManualClock } from '../../src/testing/manual-clock.ts'
import { begin, fail, succeed } from './calls.ts'

const make = (options: CircuitBreakerOptions = {}) => {
  const clock = new ManualClock(1000)
  return { clock, breaker: new CircuitBreaker({ clock, ...options }) }
}
const throwing = (error: unknown) => async () => {
  throw error
}

describe('how it stands', () => {
  it('tells how long its state has lasted, and the error that opened it', async () => {
    const { breaker, clock } = make({ failureThreshold: 1, timeout: '10s' })
    const error = new Error('no route')
    clock.advance(5)
    expect([breaker.stateAge, breaker.lastError]).toEqual([5, undefined])
    await expect(breaker.call(throwing(error))).rejects.toBe(error)
    expect([breaker.stateAge, breaker.lastError]).toEqual([0, error])
    clock.advance(4)
    breaker.trip()
    expect([breaker.state, breaker.stateAge]).toEqual(['open', 4])
    breaker.reset()
    expect([breaker.stateAge, breaker.lastError]).toEqual([0, undefined])
  })
})

describe('the options of the original', () => {
  it('opens after 5 failures in a row, for 60 seconds', async () => {
    const { breaker, clock } = make()
    for (let i = 0; i < 4; i++) await fail(breaker)
    await succeed(breaker)
    for (let i = 0; i < 4; i++) await fail(breaker)
    expect(breaker.state).toBe('closed')
    await fail(breaker)
    expect(breaker.state).toBe('open')
    clock.advance(59.999999)
    const ran = vi.fn()
    await expect(breaker.call(ran)).rejects.toMatchObject({
      code: 'CIRCUIT_OPEN',
      retryAfter: 0.000001,
    })
    expect(ran).not.toHaveBeenCalled()
    clock.advance(0.000001)
    expect(breaker.state).toBe('half_open')
    await succeed(breaker)
    expect(breaker.state).toBe('closed')
  })

  it('counts only expectedError, given as a class, a list or a predicate', async () => {
    for (const expectedError of [
      RangeError,
      [TypeError, RangeError],
      (error: unknown) => error instanceof RangeError,
    ]) {
      const { breaker } = make({ failureThreshold: 1, expectedError })
      await expect(breaker.call(throwing(new SyntaxError('mine')))).rejects.toThrow('mine')
      expect(breaker.stats()).toMatchObject({ state: 'closed', failed: 0, ignored: 1 })
      await expect(breaker.call(throwing(new RangeError('theirs')))).rejects.toThrow('theirs')
      expect(breaker.state).toBe('open')
    }
  })
})

for (const [name, filter] of Object.entries<CircuitBreakerOptions>({
  ignoredError: { ignoredError: TypeError },
  expectedError: { expectedError: (error: unknown) => !(error instanceof TypeError) },
  both: { expectedError: Error, ignoredError: [TypeError] },
})) {
  describe(`an error that is no failure, by ${name}`, () => {
    const notFound = (breaker: CircuitBreaker) =>
      breaker.call(throwing(new TypeError('not found'))).catch(() => {})

    it('ends a row of failures', async () => {
      const { breaker } = make({ failureThreshold: 2, ...filter })
      await fail(breaker)
      await notFound(breaker)
      expect(breaker.stats()).toMatchObject({ ignored: 1, succeeded: 0, failuresInARow: 0 })
      await fail(breaker)
      expect(breaker.state).toBe('closed')
      await fail(breaker)
      expect(breaker.state).toBe('open')
    })

    for (const window of [{ calls: 20 }, '10s'] as const) {
      it(`is a call of the rate, over ${JSON.stringify(window)}`, async () => {
        const { breaker } = make({ failureRate: 0.5, minimumCalls: 10, window, ...filter })
        for (let i = 0; i < 9; i++) await notFound(breaker)
        for (let i = 0; i < 8; i++) await fail(breaker)
        expect(breaker.stats()).toMatchObject({
          state: 'closed',
          window: { calls: 17, failed: 8 },
        })
        await fail(breaker)
        expect(breaker.state).toBe('open')
      })
    }

    it('closes a half-open breaker, as a probe', async () => {
      const { breaker, clock } = make({
        failureThreshold: 1,
        timeout: '1s',
        halfOpenCalls: 2,
        ...filter,
      })
      await fail(breaker)
      clock.advance('1s')
      await notFound(breaker)
      expect(breaker.state).toBe('half_open')
      await notFound(breaker)
      expect(breaker.state).toBe('closed')
    })

    it('that came too late is a slow call like any other', async () => {
      const { breaker, clock } = make({ failureThreshold: 1, slowCall: '1s', ...filter })
      const call = await begin(breaker)
      clock.advance('2s')
      await call.fail(new TypeError('not found'))
      expect(breaker.stats()).toMatchObject({ state: 'open', failed: 1, slow: 1, ignored: 0 })
    })

    it('is told as ignored, and counted so', async () => {
      const { breaker } = make(filter)
      const told: string[] = []
      for (const event of ['success', 'failure', 'ignored'] as const) {
        breaker.on(event, () => told.push(event))
      }
      await notFound(breaker)
      expect(told).toEqual(['ignored'])
      expect(breaker.stats()).toMatchObject({ ignored: 1, succeeded: 0, failed: 0, running: 0 })
    })
  })
}

describe('rates', () => {
  it('opens at failureRate of the last calls, not before minimumCalls', async () => {
    const { breaker } = make({ failureRate: 0.5, window: { calls: 6 }, minimumCalls: 4 })
    await fail(breaker)
    await fail(breaker)
    await fail(breaker)
    expect(breaker.state).toBe('closed')
    await fail(breaker)
    expect(breaker.state).toBe('open')
  })

  it('a success that fills the minimum does not open it, the next failure does', async () => {
    const { breaker } = make({ failureRate: 0.5, window: { calls: 6 }, minimumCalls: 3 })
    await fail(breaker)
    await fail(breaker)
    await succeed(breaker)
    expect(breaker.state).toBe('closed')
    await fail(breaker)
    expect(breaker.state).toBe('open')
  })

  it('counts exactly the last calls', async () => {
    const { breaker } = make({ failureRate: 0.5, window: { calls: 4 }, minimumCalls: 4 })
    await fail(breaker)
    for (let i = 0; i < 4; i++) await succeed(breaker)
    expect(breaker.stats().window).toEqual({ calls: 4, failed: 0, slow: 0 })
    await fail(breaker)
    expect(breaker.state).toBe('closed')
    await fail(breaker)
    expect(breaker.state).toBe('open')
  })

  it('a share is compared as it was written: 7 of 100 are 0.07, though 0.07 * 100 > 7', async () => {
    const { breaker } = make({ failureRate: 0.07, window: { calls: 100 }, minimumCalls: 100 })
    for (let i = 0; i < 93; i++) await succeed(breaker)
    for (let i = 0; i < 7; i++) await fail(breaker)
    expect(breaker.state).toBe('open')
  })

  it('after five quiet minutes the window is empty: 4 failures and 1 more do not open it', async () => {
    const { breaker, clock } = make({ failureRate: 0.5, window: '10s', minimumCalls: 5 })
    for (let i = 0; i < 4; i++) await fail(breaker)
    clock.advance('5m')
    await fail(breaker)
    expect(breaker.stats()).toMatchObject({ state: 'closed', window: { calls: 1, failed: 1 } })
  })

  it('a call leaves a window of 10 seconds after 9 to 10 seconds', async () => {
    for (const [offset, left] of [
      [0, 10],
      [0.999, 9.001],
    ] as const) {
      const { breaker, clock } = make({ failureRate: 1, window: '10s' })
      clock.advance(offset)
      await fail(breaker)
      clock.advance(left - 0.001)
      expect(breaker.stats().window.calls).toBe(1)
      clock.advance(0.001)
      expect(breaker.stats().window.calls).toBe(0)
    }
  })

  it('stays where it is while the clock steps back', async () => {
    const { breaker, clock } = make({ failureRate: 1, window: '10s', minimumCalls: 3 })
    await fail(breaker)
    clock.advance(-500)
    await fail(breaker)
    expect(breaker.stats().window.calls).toBe(2)
    await fail(breaker)
    expect(breaker.state).toBe('open')
  })

  it('opens at slowCallRate, and slow calls are no failures then', async () => {
    const { breaker, clock } = make({
      slowCall: '1s',
      slowCallRate: 0.5,
      window: { calls: 4 },
      minimumCalls: 4,
      failureThreshold: 2,
    })
    const last = async (seconds: number) => {
      const call = await begin(breaker)
      clock.advance(seconds)
      await call.succeed()
    }
    await last(1)
    await last(1)
    await last(1.000001)
    expect(breaker.stats()).toMatchObject({ state: 'closed', slow: 1, failed: 0, succeeded: 3 })
    await last(2)
    expect(breaker.state).toBe('open')
  })

  it('without slowCallRate a slow call is a failed one', async () => {
    const { breaker, clock } = make({ slowCall: '1s', failureThreshold: 1 })
    const call = await begin(breaker)
    clock.advance('2s')
    await call.succeed('late')
    expect(await call.outcome).toBe('late')
    expect(breaker.stats()).toMatchObject({ state: 'open', slow: 1, failed: 1 })
  })
})

describe('a call that is slow and has not ended', () => {
  it('counts when the next call comes: calls that hang open the breaker', async () => {
    const { breaker, clock } = make({ slowCall: '1s', failureThreshold: 3 })
    const told: unknown[] = []
    breaker.on('open', ({ error }) => told.push(error))
    const calls = [await begin(breaker), await begin(breaker), await begin(breaker)]
    clock.advance('1s')
    // As long as slowCall is not too long.
    await succeed(breaker)
    expect(breaker.stats()).toMatchObject({ state: 'closed', running: 3 })
    clock.advance(0.000001)
    const ran = vi.fn()
    await expect(breaker.call(ran)).rejects.toMatchObject({ code: 'CIRCUIT_OPEN' })
    expect(ran).not.toHaveBeenCalled()
    expect(told).toEqual([undefined])
    for (const call of calls) await call.succeed()
    expect(breaker.stats()).toMatchObject({ state: 'open', stale: 3, running: 0 })
  })

  it('is not counted again when it ends', async () => {
    for (const end of ['succeed', 'fail'] as const) {
      const { breaker, clock } = make({ slowCall: '1s', failureThreshold: 3 })
      const call = await begin(breaker)
      clock.advance('2s')
      expect((await begin(breaker)).admitted).toBe(true)
      expect(breaker.stats()).toMatchObject({ failuresInARow: 1, failed: 0, running: 2 })
      await call[end]()
      call.outcome.catch(() => {})
      expect(breaker.stats()).toMatchObject({ failuresInARow: 1, failed: 1, slow: 1 })
    }
  })

  it('by rate: is slow at once, and failed when it has failed', async () => {
    for (const window of [{ calls: 4 }, '10s'] as const) {
      const { breaker, clock } = make({
        slowCall: '1s',
        slowCallRate: 1,
        failureRate: 0.5,
        window,
        minimumCalls: 4,
      })
      const call = await begin(breaker)
      for (let i = 0; i < 2; i++) await succeed(breaker)
      await fail(breaker)
      clock.advance('2s')
      await succeed(breaker)
      const expected = typeof window === 'string' ? 5 : 4
      expect(breaker.stats().window).toEqual({ calls: expected, failed: 1, slow: 1 })
      await call.fail()
      call.outcome.catch(() => {})
      expect(breaker.stats()).toMatchObject(
        expected === 4
          ? { state: 'open', opened: 1 }
          : { state: 'closed', window: { calls: 5, failed: 2, slow: 1 } },
      )
    }
  })

  it('that ends later than the window remembers has said all it had to say', async () => {
    for (const window of [{ calls: 4 }, '10s'] as const) {
      const { breaker, clock } = make({
        slowCall: '1s',
        slowCallRate: 0.9,
        failureRate: 0.5,
        window,
        minimumCalls: 1,
        failureThreshold: 9,
      })
      const call = await begin(breaker)
      for (let i = 0; i < 2; i++) await succeed(breaker)
      clock.advance('2s')
      await succeed(breaker)
      clock.advance('20s')
      for (let i = 0; i < 4; i++) await succeed(breaker)
      await call.fail()
      call.outcome.catch(() => {})
      expect(breaker.stats()).toMatchObject({ state: 'closed', window: { calls: 4, failed: 0 } })
    }
  })

  it('of an earlier state says nothing of this one', async () => {
    const { breaker, clock } = make({ slowCall: '1s', failureThreshold: 1 })
    const call = await begin(breaker)
    breaker.reset()
    clock.advance('5s')
    await succeed(breaker)
    expect(breaker.state).toBe('closed')
    await call.fail()
    call.outcome.catch(() => {})
    expect(breaker.stats()).toMatchObject({ state: 'closed', stale: 1 })
  })
})

describe('what a call says', () => {
  it('a result can be the failure, and still reaches the caller', async () => {
    const { breaker } = make({
      failureThreshold: 1,
      failedResult: (value) => (value as { status: number }).status >= 500,
    })
    await breaker.call(() => ({ status: 404 }))
    expect(breaker.state).toBe('closed')
    expect(await breaker.call(() => ({ status: 503 }))).toEqual({ status: 503 })
    expect(breaker.state).toBe('open')
  })

  it("the caller's own cancellation is neither success nor failure", async () => {
    const { breaker } = make({ failureThreshold: 2 })
    await fail(breaker)
    const call = await begin(breaker)
    await call.cancel()
    await expect(call.outcome).rejects.toThrow(/abort/i)
    expect(breaker.stats()).toMatchObject({ ignored: 1, failuresInARow: 1, state: 'closed' })
  })

  it('a call whose signal has aborted is not begun and takes no permit', async () => {
    const { breaker, clock } = make({ failureThreshold: 1, timeout: '1s' })
    await fail(breaker)
    clock.advance('1s')
    const work = vi.fn()
    await expect(
      breaker.call(work, { signal: AbortSignal.abort(new Error('too late')) }),
    ).rejects.toThrow('too late')
    expect(work).not.toHaveBeenCalled()
    expect((await begin(breaker)).admitted).toBe(true)
  })

  it('hands the signal to the function and leaves no listener on it', async () => {
    const { breaker } = make()
    const { signal } = new AbortController()
    expect(await breaker.call((given) => given, { signal })).toBe(signal)
    expect(getEventListeners(signal, 'abort')).toHaveLength(0)
  })

  it('a synchronous function may return undefined, or throw', async () => {
    const { breaker } = make({ failureThreshold: 1 })
    expect(await breaker.call(() => undefined)).toBeUndefined()
    expect(breaker.stats().succeeded).toBe(1)
    await expect(
      breaker.call(() => {
        throw new Error('at once')
      }),
    ).rejects.toThrow('at once')
    expect(breaker.state).toBe('open')
  })

  it('a function that rejects with undefined has failed', async () => {
    const { breaker } = make({ failureThreshold: 1 })
    await expect(breaker.call(() => Promise.reject(undefined))).rejects.toBeUndefined()
    expect(breaker.state).toBe('open')
  })

  it('a predicate that throws says nothing of the call, and holds no permit', async () => {
    const failedResult = () => {
      throw new Error('my bug')
    }
    const { breaker } = make({ failedResult })
    await expect(succeed(breaker)).rejects.toThrow('my bug')
    breaker.import({ state: 'half_open', trips: 1, retryAfter: 0, passed: 0 })
    await expect(succeed(breaker)).rejects.toThrow('my bug')
    await expect(succeed(breaker)).rejects.toThrow('my bug')
    expect(breaker.stats()).toMatchObject({ ignored: 3, running: 0, state: 'half_open' })
  })
})

describe('fallback', () => {
  it('answers for a failure and for a refusal', async () => {
    const { breaker } = make({ failureThreshold: 1 })
    const fallback = (error: unknown) => (isAioFluxError(error, 'CIRCUIT_OPEN') ? 'open' : 'failed')
    expect(await breaker.call(throwing(new Error('down')), { fallback })).toBe('failed')
    expect(breaker.state).toBe('open')
    expect(await breaker.call(async () => 'up', { fallback })).toBe('open')
    expect(breaker.stats()).toMatchObject({ failed: 1, refused: 1 })
  })

  it('is not asked for what the caller cancelled', async () => {
    const { breaker } = make()
    const fallback = vi.fn()
    const call = await begin(breaker, { fallback })
    await call.cancel()
    await expect(call.outcome).rejects.toThrow(/abort/i)
    expect(fallback).not.toHaveBeenCalled()
  })
})

describe('open time', () => {
  it('grows with each trip that no success came between, up to maxTimeout', async () => {
    const { breaker, clock } = make({
      failureThreshold: 1,
      timeout: '1s',
      timeoutFactor: 2,
      maxTimeout: '5s',
    })
    const times: number[] = []
    breaker.on('open', ({ retryAfter }) => times.push(retryAfter))
    for (let i = 0; i < 5; i++) {
      await fail(breaker)
      clock.advance(breaker.retryAfter)
    }
    await succeed(breaker)
    await fail(breaker)
    expect(times).toEqual([1, 2, 4, 5, 5, 1])
  })

  it('of a breaker that nobody closed for 2000 trips is still maxTimeout', () => {
    const { breaker } = make({ timeout: '1s', timeoutFactor: 10, maxTimeout: '1m' })
    for (let i = 0; i < 2000; i++) breaker.trip()
    expect(breaker.retryAfter).toBe(60)
  })
})

describe('the error', () => {
  it('says when to come back, which breaker it was, and why it opened', async () => {
    const { breaker } = make({ failureThreshold: 1, timeout: '30s', name: 'users' })
    const cause = new Error('down')
    await breaker.call(throwing(cause)).catch(() => {})
    const error = await succeed(breaker).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(CircuitBreakerOpen)
    expect(error).toMatchObject({ retryAfter: 30, breaker: 'users', cause, code: 'CIRCUIT_OPEN' })
    expect(String(error)).toContain("'users'")
  })

  it('has no stack, and leaves those of others as they are', async () => {
    const { breaker } = make({ name: 'users' })
    breaker.isolate()
    const { stackTraceLimit } = Error
    const refusal = await breaker.call(() => 1).catch((error: Error) => error)
    expect(refusal).toBeInstanceOf(Error)
    expect(refusal).toBeInstanceOf(CircuitBreakerOpen)
    expect(isAioFluxError(refusal, 'CIRCUIT_OPEN')).toBe(true)
    // An empty one in V8, none at all in JavaScriptCore.
    expect((refusal as Error).stack ?? '').not.toContain('\n    at ')
    expect(Error.stackTraceLimit).toBe(stackTraceLimit)
    expect(new Error('another').stack).toContain('\n    at ')
  })

  it('of an isolated breaker knows no time', async () => {
    const { breaker } = make()
    const first = breaker.isolate()
    const second = breaker.isolate()
    await expect(succeed(breaker)).rejects.toMatchObject({ retryAfter: Infinity })
    first[Symbol.dispose]()
    first[Symbol.dispose]()
    expect(breaker.state).toBe('isolated')
    second[Symbol.dispose]()
    expect(breaker.state).toBe('closed')
  })
})

describe('reset', () => {
  it('lets go of whoever isolated it: their letting go later changes nothing', async () => {
    const { breaker } = make()
    const hold = breaker.isolate()
    breaker.reset()
    await fail(breaker)
    hold[Symbol.dispose]()
    expect(breaker.stats()).toMatchObject({ state: 'closed', failuresInARow: 1 })
  })
})

describe('events', () => {
  it('tell the whole story, once each', async () => {
    const { breaker, clock } = make({ failureThreshold: 1, timeout: '1s', name: 'b' })
    const told: unknown[] = []
    for (const event of ['success', 'failure', 'refused', 'open', 'half_open', 'close'] as const) {
      breaker.on(event, (payload) => told.push([event, payload]))
    }
    const call = await begin(breaker)
    clock.advance('250ms')
    await call.fail('down')
    await succeed(breaker).catch(() => {})
    clock.advance('1s')
    await succeed(breaker)
    expect(told).toEqual([
      ['failure', { name: 'b', seconds: 0.25, slow: false, stale: false, error: 'down' }],
      ['open', { name: 'b', retryAfter: 1, trips: 1, error: 'down' }],
      ['refused', { name: 'b', retryAfter: 1 }],
      ['half_open', { name: 'b' }],
      ['success', { name: 'b', seconds: 0, slow: false, stale: false }],
      ['close', { name: 'b' }],
    ])
  })

  it('a listener that throws does not change the fate of a call', async () => {
    const report = vi.spyOn(console, 'error').mockImplementation(() => {})
    const { breaker } = make()
    breaker.on('success', () => {
      throw new Error('listener')
    })
    expect(await succeed(breaker)).toBe('ok')
    expect(report).toHaveBeenCalled()
  })
})

describe('export and import', () => {
  it('goes on in another process, with what is left of the open time', async () => {
    const options = { failureThreshold: 1, timeout: '10s', timeoutFactor: 2 } as const
    const { breaker, clock } = make(options)
    await fail(breaker)
    clock.advance('4s')
    const json = JSON.stringify(breaker.export())
    const other = make(options)
    other.breaker.import(JSON.parse(json))
    expect(other.breaker).toMatchObject({ state: 'open', retryAfter: 6 })
    other.clock.advance('6s')
    await fail(other.breaker)
    expect(other.breaker.retryAfter).toBe(20)
  })

  it('remembers the failures in a row', async () => {
    const { breaker } = make({ failureThreshold: 3 })
    await fail(breaker)
    await fail(breaker)
    const other = make({ failureThreshold: 3 }).breaker
    other.import(JSON.parse(JSON.stringify(breaker.export())))
    expect(other.stats()).toMatchObject({ state: 'closed', failuresInARow: 2 })
    await fail(other)
    expect(other.state).toBe('open')
    expect(other.export()).toMatchObject({ state: 'open', failuresInARow: 0 })
    // What an earlier version exported says nothing of it.
    other.import({ state: 'closed', trips: 0, retryAfter: 0, passed: 0 })
    expect(other.stats()).toMatchObject({ state: 'closed', failuresInARow: 0 })
  })

  it('remembers the probes that have passed', async () => {
    const { breaker } = make({ halfOpenCalls: 2 })
    breaker.import({ state: 'half_open', trips: 1, retryAfter: 0, passed: 1 })
    await succeed(breaker)
    expect(breaker.state).toBe('closed')
  })

  it('a call that ran at the time of import is of the past', async () => {
    const { breaker } = make({ failureThreshold: 1 })
    const call = await begin(breaker)
    breaker.import({ state: 'closed', trips: 0, retryAfter: 0, passed: 0 })
    await call.fail()
    expect(breaker.stats()).toMatchObject({ state: 'closed', stale: 1 })
  })

  it('refuses what no breaker has exported', () => {
    const { breaker } = make()
    const good = { state: 'open', trips: 1, retryAfter: 1, passed: 0 } as const
    for (const bad of [
      null,
      { ...good, state: 'ajar' },
      { ...good, trips: -1 },
      { ...good, retryAfter: Number.NaN },
      { ...good, passed: 1 },
      { ...good, failuresInARow: -1 },
    ]) {
      expect(() => breaker.import(bad as never)).toThrow(/snapshot/)
    }
    expect(breaker.state).toBe('closed')
  })
})

describe('options', () => {
  it('refuses what cannot work, naming the option and the value', () => {
    const bad: [object, string, typeof OptionRangeError | typeof OptionTypeError][] = [
      [{ failureThreshold: 0 }, 'failureThreshold', OptionRangeError],
      [{ failureThreshold: '5' }, 'failureThreshold', OptionTypeError],
      [{ failureRate: 0 }, 'failureRate', OptionRangeError],
      [{ failureRate: 1.1 }, 'failureRate', OptionRangeError],
      [{ slowCallRate: 0.5 }, 'slowCallRate', OptionTypeError],
      [{ window: '10s' }, 'window', OptionTypeError],
      [{ failureRate: 0.5, window: 0 }, 'window', OptionRangeError],
      [{ failureRate: 0.5, window: { calls: 0 } }, 'window.calls', OptionRangeError],
      [{ failureRate: 0.5, window: { calls: 1e10 } }, 'window.calls', OptionRangeError],
      [
        { failureRate: 0.5, window: { calls: 5 }, minimumCalls: 6 },
        'minimumCalls',
        OptionRangeError,
      ],
      [{ minimumCalls: 6 }, 'minimumCalls', OptionTypeError],
      [{ timeout: 0 }, 'timeout', OptionRangeError],
      [{ timeout: 'soon' }, 'timeout', OptionTypeError],
      [{ timeoutFactor: 0.5 }, 'timeoutFactor', OptionRangeError],
      [{ timeout: '1m', maxTimeout: '1s' }, 'maxTimeout', OptionRangeError],
      [{ halfOpenCalls: 1.5 }, 'halfOpenCalls', OptionRangeError],
      [{ probeLease: 0 }, 'probeLease', OptionRangeError],
      [{ expectedError: 'Error' }, 'expectedError', OptionTypeError],
      [{ ignoredError: [Error, 'x'] }, 'ignoredError', OptionTypeError],
      [{ failedResult: true }, 'failedResult', OptionTypeError],
    ]
    for (const [options, option, error] of bad) {
      const make = () => new CircuitBreaker(options as CircuitBreakerOptions)
      expect(make, option).toThrow(error)
      expect(make).toThrow(expect.objectContaining({ option, code: 'INVALID_OPTION' }))
      expect(make).toThrow(option)
    }
  })

  it('refuses to call what is no function, without counting it', async () => {
    const { breaker } = make({ failureThreshold: 1 })
    await expect(breaker.call(5 as never)).rejects.toBeInstanceOf(OptionTypeError)
    await expect(breaker.call(5 as never, {})).rejects.toBeInstanceOf(OptionTypeError)
    expect(breaker.stats()).toMatchObject({ state: 'closed', admitted: 0 })
  })
})
