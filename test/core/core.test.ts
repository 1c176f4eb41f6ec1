import {
  AioFluxError,
  isAioFluxError,
  OptionTypeError,
  systemClock,
  WaitTimeoutError,
} from 'aioflux'
import { ManualClock } from 'aioflux/testing'
import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import { at } from '../../src/core/clock.ts'
import { type Duration, toMillis, toPositiveMicros } from '../../src/core/duration.ts'
import { describe as described } from '../../src/core/errors.ts'
import { Events } from '../../src/core/events.ts'
import { Heap } from '../../src/core/heap.ts'

describe('duration', () => {
  it.each([
    [1, 1000],
    [0.25, 250],
    ['250ms', 250],
    ['10s', 10_000],
    ['1.5m', 90_000],
    ['.5h', 1_800_000],
    ['365d', 31_536_000_000],
    [0, 0],
  ] as [Duration, number][])('%s is %i ms', (duration, millis) => {
    expect(toMillis('per', duration)).toBe(millis)
  })

  it.each(['', '1', 's', '1 s', '1e3s', '-1s', '0x1s', '1ss', 'Infinitys', null, undefined, {}])(
    '%j is none',
    (duration) => {
      expect(() => toMillis('timeout', duration as Duration)).toThrow(/^timeout must be/)
    },
  )

  it.each([-1, Number.NaN, Infinity, 1e15, '9999999d'])('%s is out of range', (duration) => {
    expect(() => toMillis('ttl', duration as Duration)).toThrow(RangeError)
  })

  it('a window is at least a microsecond', () => {
    expect(toPositiveMicros('per', 1e-6)).toBe(1)
    expect(() => toPositiveMicros('per', 1e-7)).toThrow(/per must be at least one microsecond/)
  })
})

describe('errors', () => {
  it('are known by their code, across copies of the package', () => {
    const error = new WaitTimeoutError('late', 1.5)
    expect(isAioFluxError(error)).toBe(true)
    expect(isAioFluxError(error, 'WAIT_TIMEOUT')).toBe(true)
    expect(isAioFluxError(error, 'CLOSED')).toBe(false)
    expect(error).toBeInstanceOf(AioFluxError)
    expect(error.name).toBe('WaitTimeoutError')
    const foreign = Object.assign(new Error('from another copy'), {
      code: 'CLOSED',
      [Symbol.for('aioflux.error')]: true,
    })
    expect(isAioFluxError(foreign, 'CLOSED')).toBe(true)
    expect(foreign).toBeInstanceOf(AioFluxError)
    expect(foreign).not.toBeInstanceOf(WaitTimeoutError)
  })

  it('of misuse are what they are in JavaScript, and of aioflux too', () => {
    const error = new OptionTypeError('rate', 'rate must be')
    expect(error).toBeInstanceOf(TypeError)
    expect(error).toBeInstanceOf(AioFluxError)
    expect(isAioFluxError(new TypeError('rate'))).toBe(false)
    expect(isAioFluxError(null)).toBe(false)
  })

  it('show a value short and with its type', () => {
    expect(described('x'.repeat(100))).toBe(`'${'x'.repeat(57)}...' (string)`)
    const shown = [5, 5n, null, undefined, [], {}, true, () => {}, Symbol('s')].map(described)
    expect(shown).toEqual([
      '5 (number)',
      '5 (bigint)',
      'null',
      'undefined',
      'an array',
      'an object',
      'true (boolean)',
      'a function',
      'a symbol',
    ])
  })
})

describe('heap', () => {
  it('gives back in order what was put in in any', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.integer(), fc.constant('pop' as const))), (moves) => {
        const heap = new Heap<number>((a, b) => a - b)
        const model: number[] = []
        for (const move of moves) {
          if (move === 'pop') expect(heap.pop()).toBe(model.shift())
          else {
            heap.push(move)
            model.push(move)
            model.sort((a, b) => a - b)
          }
          expect(heap.peek()).toBe(model[0])
          expect(heap.size).toBe(model.length)
        }
      }),
    )
  })
})

describe('events', () => {
  it('reach who listens, as long as he does, and cost nothing when nobody does', () => {
    const events = new Events<{ a: number; b: string }>({ a: true, b: true })
    const heard: unknown[] = []
    expect(events.heard).toBe(false)
    const stops = [events.on('a', (n) => heard.push(n)), events.on('a', (n) => heard.push(-n))]
    events.emit('a', 1)
    events.emit('b', 'nobody')
    stops[0]?.()
    stops[0]?.()
    events.emit('a', 2)
    expect(heard).toEqual([1, -1, -2])
    stops[1]?.()
    expect(events.heard).toBe(false)
  })
})

describe('at', () => {
  it('comes at its time on a manual clock, in order, and can be cancelled', () => {
    const clock = new ManualClock()
    const rang: string[] = []
    at(clock, 3000, () => rang.push(`third at ${clock.now()}`))
    at(clock, 1000, () => rang.push(`first at ${clock.now()}`))
    const cancel = at(clock, 2000, () => rang.push('never'))
    cancel()
    clock.advance('5s')
    expect(rang).toEqual(['first at 1000', 'third at 3000'])
  })

  it('waits longer than setTimeout can, and never rings early', () => {
    vi.useFakeTimers({ now: 0 })
    try {
      let rang = 0
      const month = 40 * 86_400_000
      at(systemClock, systemClock.now() + month, () => rang++)
      vi.advanceTimersByTime(month - 1)
      expect(rang).toBe(0)
      vi.advanceTimersByTime(1)
      expect(rang).toBe(1)
      expect(vi.getTimerCount()).toBe(0)
    } finally {
      vi.useRealTimers()
    }
  })
})
