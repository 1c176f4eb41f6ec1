import { isAioFluxError, type Limiter, LimiterFactory } from 'aioflux'
import { ManualClock } from 'aioflux/testing'
import { describe, expect, it } from 'vitest'
import { LateStorage, SharedStates } from '../support/late-storage.ts'

type Make = (common: { storage: LateStorage; clock: ManualClock }, clock: ManualClock) => Limiter

const bucket = { rate: 2, per: '1h', scope: 'bucket' } as const
const kinds: [name: string, make: Make, reserves: boolean][] = [
  ['a token bucket', (common) => LimiterFactory.tokenBucket({ ...bucket, ...common }), true],
  ['a sliding window', (common) => LimiterFactory.slidingWindow({ ...bucket, ...common }), false],
  ['permits', (common) => LimiterFactory.concurrency({ limit: 2, ...common }), false],
  [
    'a composite that is asked together',
    (common) =>
      LimiterFactory.composite(
        LimiterFactory.tokenBucket({ ...bucket, ...common }),
        LimiterFactory.leakyBucket({ rate: 2, per: '1h', scope: 'leaky', ...common }),
      ),
    true,
  ],
  [
    'a composite that is asked one by one',
    (common, clock) =>
      LimiterFactory.composite(
        LimiterFactory.tokenBucket({ ...bucket, clock }),
        LimiterFactory.tokenBucket({ ...bucket, ...common }),
      ),
    true,
  ],
]

for (const [name, make, reserves] of kinds) {
  describe(`a wait for ${name}, in a storage that does not answer`, () => {
    function setUp() {
      const clock = new ManualClock('1h')
      const states = new SharedStates(clock)
      const late = new LateStorage(states, clock)
      late.delay = 700
      const limiter = make({ storage: late, clock }, clock)
      /** What is left once the storage has answered all that it was asked. */
      async function left(): Promise<number> {
        await clock.advanceAsync('10s')
        late.delay = 0
        return (await limiter.peek('k')).remaining
      }
      return { clock, limiter, left }
    }

    /** Keeps what became of it, from the moment it is known. */
    function outcome<T>(work: Promise<T>): { value?: T | undefined; error?: unknown } {
      const known: { value?: T; error?: unknown } = {}
      work.then(
        (value) => {
          known.value = value
        },
        (error: unknown) => {
          known.error = error
        },
      )
      return known
    }

    it('ends at its own timeout, and gives back what it was granted after that', async () => {
      const { clock, limiter, left } = setUp()
      const waited = outcome(limiter.wait('k', { timeout: '50ms' }))
      await clock.advanceAsync('49ms')
      expect(waited).toEqual({})
      await clock.advanceAsync('1ms')
      expect(isAioFluxError(waited.error, 'WAIT_TIMEOUT')).toBe(true)
      expect(await left()).toBe(2)
      expect((await limiter.getStats('k')).waiting).toBe(0)
    })

    it('ends when its signal aborts, and gives back what it was granted after that', async () => {
      const { clock, limiter, left } = setUp()
      const leave = new AbortController()
      const waited = outcome(limiter.wait('k', { signal: leave.signal }))
      await clock.advanceAsync('20ms')
      leave.abort(new Error('gone'))
      await clock.advanceAsync('1ms')
      expect(waited.error).toEqual(new Error('gone'))
      expect(await left()).toBe(2)
    })

    it('is granted where the answer comes before its timeout', async () => {
      const { clock, limiter, left } = setUp()
      const waited = outcome(limiter.wait('k', { timeout: '5s' }))
      await clock.advanceAsync('4s')
      expect(waited.value).toMatchObject({ allowed: true })
      expect(await left()).toBe(1)
    })

    it('asks once where it has no time to wait', async () => {
      const { clock, limiter } = setUp()
      const waited = outcome(limiter.wait('k', { timeout: 0 }))
      await clock.advanceAsync('4s')
      expect(waited.value).toMatchObject({ allowed: true })
    })

    it('ends with the limiter', async () => {
      const { clock, limiter } = setUp()
      const waited = outcome(limiter.wait('k'))
      await clock.advanceAsync('20ms')
      void limiter.close()
      await clock.advanceAsync('1ms')
      expect(isAioFluxError(waited.error, 'CLOSED')).toBe(true)
    })

    it.runIf(reserves)('ends a reservation that waits, too', async () => {
      const { clock, limiter, left } = setUp()
      const reserved = outcome(limiter.reserve('k', 1, { timeout: '50ms' }))
      await clock.advanceAsync('49ms')
      expect(reserved).toEqual({})
      await clock.advanceAsync('1ms')
      expect(reserved).toEqual({ value: undefined })
      expect('value' in reserved).toBe(true)
      expect(await left()).toBe(2)
    })
  })
}
