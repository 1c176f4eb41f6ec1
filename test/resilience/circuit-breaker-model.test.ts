import { CircuitBreaker, type CircuitBreakerOptions } from 'aioflux'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { ManualClock } from '../../src/testing/manual-clock.ts'
import { begin, type Call } from './calls.ts'

// The same moves on the breaker and on a model that remembers everything and counts it anew each time.

type Verdict = 'good' | 'bad' | 'no failure' | 'neutral'
interface Numbers {
  failureThreshold: number
  failureRate: number
  slowCallRate: number
  slowCall: number
  minimumCalls: number
  window: { calls: number } | number
  timeout: number
  timeoutFactor: number
  maxTimeout: number
  halfOpenCalls: number
  probeLease: number
}
interface Ticket {
  era: number
  began: number
  probe: boolean
  lost: boolean
  over: boolean
  /** Where it is among the past, since it ran for too long. */
  counted?: Past
}
interface Past {
  at: number
  failed: boolean
  slow: boolean
}

class Model {
  state = 'closed'
  era = 0
  now = 0
  trips = 0
  until = 0
  passed = 0
  probes: Ticket[] = []
  past: Past[] = []
  failuresInARow = 0
  running: Ticket[] = []
  readonly numbers: Numbers
  constructor(numbers: Numbers) {
    this.numbers = numbers
  }

  enter(state: string): void {
    this.state = state
    this.era += 1
    this.probes = []
    this.passed = 0
    this.running = []
    if (state === 'closed') {
      this.past = []
      this.failuresInARow = 0
      this.trips = 0
    }
  }

  trip(): void {
    const { timeout, timeoutFactor, maxTimeout } = this.numbers
    this.until = this.now + Math.min(maxTimeout, timeout * timeoutFactor ** this.trips)
    this.trips += 1
    this.enter('open')
  }

  begin(): Ticket | undefined {
    const ticket: Ticket = { era: 0, began: this.now, probe: false, lost: false, over: false }
    for (const slow of this.running) {
      if (slow.over || slow.counted || this.now - slow.began <= this.numbers.slowCall) continue
      slow.counted = { at: this.now, failed: false, slow: true }
      this.past.push(slow.counted)
      if (!this.tooMany()) continue
      this.trip()
      break
    }
    if (this.state === 'isolated') return undefined
    if (this.state === 'open') {
      if (this.now < this.until) return undefined
      this.enter('half_open')
    }
    if (this.state === 'half_open') {
      const running = this.probes.filter((probe) => !probe.over && !probe.lost)
      if (running.length + this.passed >= this.numbers.halfOpenCalls) {
        const oldest = running[0]
        if (oldest === undefined || this.now < oldest.began + this.numbers.probeLease)
          return undefined
        oldest.lost = true
      }
      ticket.probe = true
      this.probes.push(ticket)
    }
    ticket.era = this.era
    if (this.state === 'closed') this.running.push(ticket)
    return ticket
  }

  end(ticket: Ticket, verdict: Verdict): void {
    ticket.over = true
    if (ticket.era !== this.era || ticket.lost || verdict === 'neutral') return
    const slow = this.now - ticket.began > this.numbers.slowCall
    const failed = verdict === 'bad'
    if (ticket.probe) {
      if (failed || slow) return this.trip()
      this.passed += 1
      if (this.passed >= this.numbers.halfOpenCalls) this.enter('closed')
      return
    }
    this.failuresInARow = failed ? this.failuresInARow + 1 : 0
    if (ticket.counted !== undefined) ticket.counted.failed = failed
    else this.past.push({ at: this.now, failed, slow })
    const bad = failed || (slow && ticket.counted === undefined)
    if (bad && this.tooMany()) this.trip()
  }

  tooMany(): boolean {
    const { failureThreshold, failureRate, slowCallRate, minimumCalls } = this.numbers
    const window = this.window()
    const share = (which: 'failed' | 'slow') =>
      window.filter((call) => call[which]).length / window.length
    const rates =
      window.length >= minimumCalls &&
      (share('failed') >= failureRate || share('slow') >= slowCallRate)
    return this.failuresInARow >= failureThreshold || rates
  }

  window(): { failed: boolean; slow: boolean }[] {
    const { window } = this.numbers
    if (typeof window === 'object') return this.past.slice(-window.calls)
    const period = (at: number) => Math.floor((at * 1e6) / (window * 1e5))
    return this.past.filter((call) => period(call.at) > period(this.now) - 10)
  }

  seen(): string {
    return this.state === 'open' && this.now >= this.until ? 'half_open' : this.state
  }
}

const numbers: fc.Arbitrary<Numbers> = fc
  .record({
    failureThreshold: fc.integer({ min: 2, max: 6 }),
    failureRate: fc.constantFrom(0.2, 0.5, 0.75, 1),
    slowCallRate: fc.constantFrom(0.3, 0.6, 1),
    slowCall: fc.integer({ min: 1, max: 4 }),
    minimumCalls: fc.integer({ min: 1, max: 5 }),
    window: fc.oneof(
      fc.record({ calls: fc.integer({ min: 5, max: 12 }) }),
      fc.integer({ min: 5, max: 30 }),
    ),
    timeout: fc.integer({ min: 1, max: 10 }),
    timeoutFactor: fc.constantFrom(1, 2, 3),
    halfOpenCalls: fc.integer({ min: 1, max: 3 }),
    probeLease: fc.integer({ min: 1, max: 12 }),
  })
  .map((given) => ({ ...given, maxTimeout: given.timeout * 5 }))

class NotFound extends Error {}
/** Two ways to say that one kind of error is no failure. The model counts such calls as good. */
const filters: fc.Arbitrary<CircuitBreakerOptions> = fc.constantFrom<CircuitBreakerOptions>(
  { ignoredError: NotFound },
  { expectedError: (error) => !(error instanceof NotFound) },
)

type Move =
  | { kind: 'begin' | 'trip' | 'reset' | 'isolate' | 'free' }
  | { kind: 'end'; which: number; verdict: Verdict }
  | { kind: 'pass'; seconds: number }

const move: fc.Arbitrary<Move> = fc.oneof(
  { weight: 10, arbitrary: fc.constant<Move>({ kind: 'begin' }) },
  {
    weight: 10,
    arbitrary: fc.record({
      kind: fc.constant('end' as const),
      which: fc.nat(20),
      verdict: fc.constantFrom<Verdict>('good', 'bad', 'bad', 'no failure', 'neutral'),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('pass' as const),
      seconds: fc.integer({ min: 1, max: 14 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom<Move>(
      ...(['trip', 'reset', 'isolate', 'free'] as const).map((kind) => ({ kind })),
    ),
  },
)

it('does what a model does that remembers every call', async () => {
  await fc.assert(
    fc.asyncProperty(
      numbers,
      filters,
      fc.array(move, { minLength: 10, maxLength: 120 }),
      async (given, filter, moves) => {
        const clock = new ManualClock()
        const breaker = new CircuitBreaker({ ...given, ...filter, clock } as CircuitBreakerOptions)
        const model = new Model(given)
        const running: { call: Call; ticket: Ticket }[] = []
        let hold: Disposable | undefined
        let admitted = 0
        for (const step of moves) {
          if (step.kind === 'begin') {
            const call = await begin(breaker)
            const ticket = model.begin()
            expect(call.admitted).toBe(ticket !== undefined)
            if (ticket !== undefined) {
              running.push({ call, ticket })
              admitted += 1
            } else {
              await call.outcome.catch(() => {})
            }
          } else if (step.kind === 'end') {
            const [ended] = running.splice(step.which % Math.max(1, running.length), 1)
            if (ended === undefined) continue
            if (step.verdict === 'good') await ended.call.succeed()
            else if (step.verdict === 'bad') await ended.call.fail()
            else if (step.verdict === 'no failure') await ended.call.fail(new NotFound())
            else await ended.call.cancel()
            model.end(ended.ticket, step.verdict)
          } else if (step.kind === 'pass') {
            clock.advance(step.seconds)
            model.now += step.seconds
          } else if (step.kind === 'trip') {
            breaker.trip()
            if (model.state !== 'isolated') model.trip()
          } else if (step.kind === 'reset') {
            breaker.reset()
            hold = undefined
            model.enter('closed')
          } else if (step.kind === 'isolate') {
            hold ??= breaker.isolate()
            if (model.state !== 'isolated') model.enter('isolated')
          } else {
            hold?.[Symbol.dispose]()
            if (hold !== undefined) model.enter('closed')
            hold = undefined
          }
          const stats = breaker.stats()
          expect(stats.state).toBe(model.seen())
          if (model.state === 'open')
            expect(stats.retryAfter).toBe(Math.max(0, model.until - model.now))
          if (model.state === 'closed') {
            const window = model.window()
            expect(stats.failuresInARow).toBe(model.failuresInARow)
            expect(breaker.export().failuresInARow).toBe(model.failuresInARow)
            expect(stats.window).toEqual({
              calls: window.length,
              failed: window.filter((call) => call.failed).length,
              slow: window.filter((call) => call.slow).length,
            })
          }
          expect(stats.admitted).toBe(admitted)
          expect(stats.running).toBe(running.length)
          expect(stats.succeeded + stats.failed + stats.ignored + stats.stale + stats.running).toBe(
            admitted,
          )
        }
      },
    ),
    { numRuns: 400 },
  )
})
