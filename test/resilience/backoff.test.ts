import { getEventListeners } from 'node:events'
import { describe, expect, it } from 'vitest'
import { backoff } from '../../src/index.ts'
import { toRetry } from '../../src/resilience/retry.ts'
import { ManualClock } from '../../src/testing/manual-clock.ts'

const failing = (times: number, error: unknown = new Error('boom')) => {
  const attempts: number[] = []
  const fn = ({ attempt }: { attempt: number }) => {
    attempts.push(attempt)
    if (attempt <= times) throw error
    return `try ${attempt}`
  }
  return { attempts, fn }
}

describe('backoff', () => {
  it('doubles its delays up to the longest', async () => {
    const clock = new ManualClock()
    const { fn } = failing(4)
    const at: number[] = []
    const result = backoff(
      (context) => {
        at.push(clock.now() / 1000)
        return fn(context)
      },
      { clock, baseDelay: '1s', maxDelay: '3s', jitter: 'none' },
    )
    await clock.advanceAsync('20s')
    expect(at).toEqual([0, 1, 3, 6, 9])
    expect(await result).toBe('try 5')
  })

  it('no delay stays none, however often', () => {
    const retry = toRetry('retry', { attempts: 5000, baseDelay: 0 })
    expect([retry(1, undefined), retry(2000, undefined)]).toEqual([0, 0])
  })

  it('throws the last error when no retry is left, or it is not worth one', async () => {
    const { attempts, fn } = failing(9)
    await expect(backoff(fn, { maxRetries: 2, baseDelay: 0 })).rejects.toThrow('boom')
    expect(attempts).toEqual([1, 2, 3])
    const other = failing(9)
    await expect(backoff(other.fn, { retryIf: () => false })).rejects.toThrow('boom')
    expect(other.attempts).toEqual([1])
    const none = failing(9)
    await expect(backoff(none.fn, { maxRetries: 0 })).rejects.toThrow('boom')
    expect(none.attempts).toEqual([1])
  })

  it.each([7, '7', ' 7.0 ', '7s', '7000ms'])(
    'waits as long as the error asks for: %j',
    async (retryAfter) => {
      const clock = new ManualClock()
      const { attempts, fn } = failing(1, Object.assign(new Error('slow down'), { retryAfter }))
      const result = backoff(fn, { clock, jitter: 'none' })
      await clock.advanceAsync('6.9s')
      expect(attempts).toEqual([1])
      await clock.advanceAsync('0.1s')
      expect(await result).toBe('try 2')
    },
  )

  it('ends by its signal, and leaves no listener', async () => {
    const clock = new ManualClock()
    const controller = new AbortController()
    const result = backoff(failing(9).fn, { clock, signal: controller.signal })
    await clock.advanceAsync(0)
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(1)
    controller.abort('enough')
    await expect(result).rejects.toBe('enough')
    expect(clock.timers).toBe(0)
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0)
  })

  it('full jitter is anything up to the delay, equal at least half of it', () => {
    const at = (jitter: 'full' | 'equal' | boolean, random: number) =>
      toRetry('retry', { attempts: 9, backoff: '1s', jitter, random: () => random })(1, undefined)
    expect([at('full', 0), at('full', 0.5), at(true, 1)]).toEqual([0, 500, 1000])
    expect([at('equal', 0), at('equal', 1), at(false, 0)]).toEqual([500, 1000, 1000])
  })

  it('names what cannot work', () => {
    expect(() => toRetry('retry', 0)).toThrow(/retry\.attempts must be a whole number >= 1, got 0/)
    expect(() => toRetry('retry', { attempts: 2, factor: 0 })).toThrow(/retry\.factor/)
  })
})
