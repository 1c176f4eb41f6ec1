import { type BreakerState, CircuitBreaker, type CircuitBreakerOptions } from 'aioflux'
import { describe, expect, it } from 'vitest'
import { ManualClock } from '../../src/testing/manual-clock.ts'
import { begin, type Call, fail } from './calls.ts'

// Every state x every event x the generation of the call the event ends. Two failures in a row open it for 10 s; two
// probes close it; a probe holds its place for 10 s.

interface Stage {
  clock: ManualClock
  breaker: CircuitBreaker
  /** A call that began while closed, in the generation before the first trip (in `closed`: before a reset). */
  old: Call
  /** A call of the present generation: while half open, a probe. */
  mine: Call | undefined
}

type Setting = 'closed' | 'open' | 'due' | 'probing' | 'full' | 'isolated'

async function stage(setting: Setting, more: CircuitBreakerOptions = {}): Promise<Stage> {
  const clock = new ManualClock(1000)
  const breaker = new CircuitBreaker({
    failureThreshold: 2,
    timeout: '10s',
    halfOpenCalls: 2,
    slowCall: '5s',
    clock,
    ...more,
  })
  const old = await begin(breaker)
  if (setting === 'closed') {
    breaker.reset()
    await fail(breaker)
    return { clock, breaker, old, mine: await begin(breaker) }
  }
  if (setting === 'isolated') {
    breaker.isolate()
    return { clock, breaker, old, mine: undefined }
  }
  await fail(breaker)
  await fail(breaker)
  let mine: Call | undefined
  if (setting !== 'open') clock.advance('10s')
  if (setting === 'probing' || setting === 'full') mine = await begin(breaker)
  if (setting === 'full') await begin(breaker)
  return { clock, breaker, old, mine }
}

const EVENTS = {
  'a new call succeeds': async ({ breaker }: Stage) => (await begin(breaker)).succeed(),
  'a new call fails': async ({ breaker }: Stage) => (await begin(breaker)).fail(),
  'a new call is cancelled': async ({ breaker }: Stage) => (await begin(breaker)).cancel(),
  'a new call is slow': async ({ breaker, clock }: Stage) => {
    const call = await begin(breaker)
    if (!call.admitted) return
    clock.advance('6s')
    await call.succeed()
  },
  'an old call succeeds': ({ old }: Stage) => old.succeed(),
  'an old call fails': ({ old }: Stage) => old.fail(),
  'an old call is cancelled': ({ old }: Stage) => old.cancel(),
  'my call succeeds': async ({ mine }: Stage) => mine?.succeed(),
  'my call fails': async ({ mine }: Stage) => mine?.fail(),
  'my call is cancelled': async ({ mine }: Stage) => mine?.cancel(),
  'ten seconds pass': async ({ clock }: Stage) => clock.advance('10s'),
  trip: async ({ breaker }: Stage) => breaker.trip(),
  reset: async ({ breaker }: Stage) => breaker.reset(),
  isolate: async ({ breaker }: Stage) => breaker.isolate(),
  'isolate and let go': async ({ breaker }: Stage) => breaker.isolate()[Symbol.dispose](),
  'export and import': async ({ breaker }: Stage) =>
    breaker.import(JSON.parse(JSON.stringify(breaker.export()))),
} as const

type Event = keyof typeof EVENTS
interface After {
  state: BreakerState
  /** Seconds until a call may pass. */
  retryAfter: number
}
const closed: After = { state: 'closed', retryAfter: 0 }
const open = (retryAfter = 10): After => ({ state: 'open', retryAfter })
const half: After = { state: 'half_open', retryAfter: 0 }
const full = (retryAfter = 10): After => ({ state: 'half_open', retryAfter })
const isolated: After = { state: 'isolated', retryAfter: Infinity }

// In `closed` one failure is counted already, so one more opens. In `due` the new call is the first probe of two.
// In `probing` one probe is under way and a second may follow; in `full` both are.
const TABLE: Record<Event, Record<Setting, After>> = {
  'a new call succeeds': {
    closed,
    open: open(),
    due: half,
    probing: full(),
    full: full(),
    isolated,
  },
  'a new call fails': {
    closed: open(),
    open: open(),
    due: open(),
    probing: open(),
    full: full(),
    isolated,
  },
  'a new call is cancelled': {
    closed,
    open: open(),
    due: half,
    probing: half,
    full: full(),
    isolated,
  },
  'a new call is slow': {
    closed: open(),
    open: open(),
    due: open(),
    probing: open(),
    full: full(),
    isolated,
  },
  'an old call succeeds': {
    closed,
    open: open(),
    due: half,
    probing: half,
    full: full(),
    isolated,
  },
  'an old call fails': { closed, open: open(), due: half, probing: half, full: full(), isolated },
  'an old call is cancelled': {
    closed,
    open: open(),
    due: half,
    probing: half,
    full: full(),
    isolated,
  },
  'my call succeeds': { closed, open: open(), due: half, probing: half, full: full(), isolated },
  'my call fails': {
    closed: open(),
    open: open(),
    due: half,
    probing: open(),
    full: open(),
    isolated,
  },
  'my call is cancelled': { closed, open: open(), due: half, probing: half, full: half, isolated },
  'ten seconds pass': { closed, open: half, due: half, probing: half, full: half, isolated },
  trip: { closed: open(), open: open(), due: open(), probing: open(), full: open(), isolated },
  reset: { closed, open: closed, due: closed, probing: closed, full: closed, isolated: closed },
  isolate: {
    closed: isolated,
    open: isolated,
    due: isolated,
    probing: isolated,
    full: isolated,
    isolated,
  },
  'isolate and let go': {
    closed,
    open: closed,
    due: closed,
    probing: closed,
    full: closed,
    isolated,
  },
  'export and import': { closed, open: open(), due: half, probing: half, full: half, isolated },
}

describe('state x event x generation', () => {
  for (const [event, row] of Object.entries(TABLE) as [Event, Record<Setting, After>][]) {
    for (const [setting, after] of Object.entries(row) as [Setting, After][]) {
      it(`${setting}: ${event} -> ${after.state}`, async () => {
        const scene = await stage(setting)
        await EVENTS[event](scene)
        const { state, retryAfter } = scene.breaker
        expect({ state, retryAfter }).toEqual(after)
      })
    }
  }
})

describe('calls of an earlier generation', () => {
  for (const setting of ['closed', 'open', 'due', 'probing', 'full', 'isolated'] as const) {
    for (const event of ['an old call succeeds', 'an old call fails'] as const) {
      it(`${setting}: ${event} and only 'stale' is counted`, async () => {
        const scene = await stage(setting)
        const before = scene.breaker.stats()
        await EVENTS[event](scene)
        expect(scene.breaker.stats()).toEqual({
          ...before,
          stale: before.stale + 1,
          running: before.running - 1,
        })
      })
    }
  }

  it('a probe of an earlier half-open time has no say in a later one', async () => {
    const { breaker, clock, mine: first } = await stage('probing')
    const second = await begin(breaker)
    await second.fail()
    clock.advance('10s')
    const probe = await begin(breaker)
    expect(probe.admitted).toBe(true)
    await first?.fail()
    expect(breaker.state).toBe('half_open')
    await first?.succeed()
    await probe.succeed()
    expect(breaker.state).toBe('half_open')
    await (await begin(breaker)).succeed()
    expect(breaker.state).toBe('closed')
  })
})

describe('probes', () => {
  it('100 callers at once are exactly halfOpenCalls probes, the others are told when to come back', async () => {
    const { breaker } = await stage('due', { halfOpenCalls: 3 })
    const calls = await Promise.all(Array.from({ length: 100 }, () => begin(breaker)))
    expect(calls.filter((call) => call.admitted)).toHaveLength(3)
    await expect(calls[99]?.outcome).rejects.toMatchObject({ code: 'CIRCUIT_OPEN', retryAfter: 10 })
  })

  it('a hung probe loses its place to the next caller, and its end changes nothing', async () => {
    const { breaker, clock } = await stage('due', {
      halfOpenCalls: 1,
      probeLease: '3s',
      slowCall: '1h',
    })
    const hung = await begin(breaker)
    clock.advance(2.999999)
    expect((await begin(breaker)).admitted).toBe(false)
    expect(breaker.retryAfter).toBe(0.000001)
    clock.advance(0.000001)
    const lost: unknown[] = []
    breaker.on('probeLost', (event) => lost.push(event))
    const next = await begin(breaker)
    expect(next.admitted).toBe(true)
    expect(lost).toHaveLength(1)
    await hung.fail()
    expect(breaker.state).toBe('half_open')
    expect((await begin(breaker)).admitted).toBe(false)
    await next.succeed()
    expect(breaker.state).toBe('closed')
  })

  it('a hung probe that succeeds after it lost its place does not close the breaker', async () => {
    const { breaker, clock } = await stage('due', { halfOpenCalls: 1, slowCall: '1h' })
    const hung = await begin(breaker)
    clock.advance('10s')
    await begin(breaker)
    await hung.succeed()
    expect(breaker.state).toBe('half_open')
  })

  it('a cancelled probe gives its permit back at once', async () => {
    const { breaker } = await stage('due', { halfOpenCalls: 1 })
    const probe = await begin(breaker)
    expect((await begin(breaker)).admitted).toBe(false)
    await probe.cancel()
    expect((await begin(breaker)).admitted).toBe(true)
  })
})
