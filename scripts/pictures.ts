// Draws the pictures of limits, leases, breakers, retries, jobs, schedules, budgets and pools in docs/ by running them on a clock that the script moves: `npm run docs:pictures`.
import { writeFileSync } from 'node:fs'
import { newHolder } from '../src/coordination/holder.ts'
import { ledgerLeases } from '../src/coordination/ledger-leases.ts'
import { safeEnd } from '../src/coordination/term.ts'
import { Renewal } from '../src/core/renewal.ts'
import {
  backoff,
  CircuitBreaker,
  LimiterFactory,
  type LocalLimiter,
  MemoryStorage,
  QueueFactory,
  Scheduler,
} from '../src/index.ts'
import { lease } from '../src/rules/lease.ts'
import { ManualClock } from '../src/testing/index.ts'
import { Drawing, round } from './drawing.ts'
import { root } from './package/entries.ts'
import { poolPicture } from './pool-picture.ts'

/** Each picture by its path in the repository. */
export async function pictures(): Promise<Readonly<Record<string, string>>> {
  return {
    'docs/limits.svg': await limits(),
    'docs/lease.svg': await leases(),
    'docs/breaker.svg': await breaker(),
    'docs/backoff.svg': await retries(),
    'docs/jobs.svg': await jobs(),
    'docs/overlap.svg': await overlaps(),
    'docs/budget.svg': await budget(),
    'docs/pool.svg': await poolPicture(),
  }
}

/** The same calls at three limits of 10 in 10 seconds. */
async function limits(): Promise<string> {
  const calls = [1, 2.2, 3.4]
  for (let i = 0; i < 9; i++) calls.push(round(7.6 + i * 0.25), round(10.3 + i * 0.25))
  calls.push(14, 15, 16, 17, 18, 19, 20, 21, 22, 23)
  calls.sort((a, b) => a - b)
  const make: [string, (clock: ManualClock) => LocalLimiter][] = [
    ['fixedWindow', (clock) => LimiterFactory.fixedWindow({ rate: 10, per: '10s', clock })],
    ['slidingWindow', (clock) => LimiterFactory.slidingWindow({ rate: 10, per: '10s', clock })],
    ['tokenBucket', (clock) => LimiterFactory.tokenBucket({ rate: 10, per: '10s', clock })],
  ]
  const drawing = new Drawing('The same calls at three limits of 10 in 10 seconds', 25, 400)
  drawing.axis(5)
  for (const [row, [name, limiterOf]] of make.entries()) {
    const top = 30 + row * 112
    const base = top + 66
    const clock = new ManualClock()
    const limiter = limiterOf(clock)
    const answers = new Map<number, boolean>()
    const levels: string[] = []
    let next = 0
    // The level is what is used: how much of 10 could not be had now.
    for (let tick = 0; tick <= 250; tick++) {
      const at = tick / 10
      clock.advance(at - clock.now() / 1000)
      while ((calls[next] ?? Infinity) <= at + 1e-9) {
        answers.set(calls[next] as number, limiter.allow('k'))
        next += 1
      }
      const left = (await limiter.peek('k')).remaining
      levels.push(`${drawing.x(at)} ${round(base - (10 - left) * 5.6)}`)
    }
    drawing.add(
      `<path d="M${drawing.x(0)} ${base}L${levels.join('L')}L${drawing.x(25)} ${base}Z" class="level"/>`,
    )
    drawing.line(drawing.x(0), base - 56, drawing.x(25), base - 56, 'edge')
    drawing.text(16, top + 20, name)
    const passed = [...answers.values()].filter(Boolean).length
    drawing.text(16, top + 38, `${passed} of ${calls.length} pass`, 'small')
    drawing.text(16, top + 54, most(answers), 'small')
    for (const [at, yes] of answers) drawing.dot(at, base + 16, yes ? 'yes' : 'no')
  }
  return drawing.svg
}

/** The most calls that passed in any 10 seconds. */
function most(answers: ReadonlyMap<number, boolean>): string {
  const passed = [...answers].filter(([, yes]) => yes).map(([at]) => at)
  const counts = passed.map((from) => passed.filter((at) => at >= from && at < from + 10).length)
  return `most in 10 s: ${Math.max(...counts)}`
}

/** A lock with a term of 10 s, whose holder dies. */
async function leases(): Promise<string> {
  const TERM = 10_000
  const DIES = 12_000
  const clock = new ManualClock()
  const store = ledgerLeases(new MemoryStorage({ clock }).open(lease(), 'lease', clock))
  const names = ['invoice-42']
  const drawing = new Drawing(
    'A lock whose holder dies: the next one gets it when the lease ends',
    30,
    260,
  )
  drawing.axis(5)
  const [a, b] = [60, 146]
  drawing.text(16, a + 20, 'process A')
  drawing.text(16, b + 20, 'process B')
  const [A, B] = [newHolder(), newHolder()]
  const first = await store.acquire({ names, holder: A, term: TERM })
  const renewal = new Renewal(TERM, 0)
  const renewed: number[] = []
  let asks = 5000
  let end = TERM
  let got = 0
  for (let now = 0; got === 0; now += 10) {
    clock.advance((now - clock.now()) / 1000)
    if (now < DIES && now >= renewal.due) {
      renewal.answered(now)
      await store.renew({ names, holder: A, term: TERM })
      end = now + TERM
      renewed.push(now)
    }
    if (now < asks) continue
    const answer = await store.acquire({ names, holder: B, term: TERM })
    if (answer.wait > 0) asks = now + answer.wait
    else if ((answer.tokens[0] as number) > (first.tokens[0] as number)) got = now
  }
  const safe = safeEnd({ steady: end - TERM, wall: 0 }, TERM).steady
  drawing.band(0, DIES / 1000, a, 30, 'held')
  drawing.band(DIES / 1000, safe / 1000, a, 30, 'kept')
  drawing.text(drawing.x(0) + 8, a + 20, 'holds the lease')
  for (const at of renewed) {
    drawing.line(drawing.x(at / 1000), a - 8, drawing.x(at / 1000), a + 38, 'edge')
    drawing.text(drawing.x(at / 1000), a - 12, 'renews', 'middle small')
  }
  drawing.text(drawing.x(DIES / 1000) + 6, a + 20, 'dies at 12 s', 'small')
  drawing.line(drawing.x(safe / 1000), a, drawing.x(safe / 1000), a + 44, 'edge')
  drawing.text(
    drawing.x(safe / 1000),
    a + 58,
    `a living holder that cannot renew stops at ${safe / 1000} s`,
    'middle small',
  )
  drawing.band(5, got / 1000, b, 30, 'waits')
  drawing.text(drawing.x(5) + 8, b + 20, 'waits for the lock')
  drawing.band(got / 1000, 30, b, 30, 'held')
  drawing.text(drawing.x(got / 1000) + 8, b + 20, 'holds the lease')
  drawing.text(
    drawing.x(got / 1000),
    b + 48,
    `the lease ends at ${round(got / 1000)} s: B has the lock, with a larger token`,
    'middle small',
  )
  return drawing.svg
}

/** A breaker: calls, and the state they find. */
async function breaker(): Promise<string> {
  const clock = new ManualClock()
  const breaker = new CircuitBreaker({ failureThreshold: 3, timeout: '5s', clock })
  const drawing = new Drawing('A circuit breaker: failureThreshold 3, timeout 5 s', 25, 190)
  drawing.axis(5)
  /** The service is down in this time. */
  const isDown = (at: number) => at >= 4 && at < 13
  const bands: [string, number][] = []
  for (let tick = 0; tick <= 250; tick++) {
    const at = tick / 10
    clock.advance(at - clock.now() / 1000)
    if (tick % 8 === 4) {
      let as = 'yes'
      const call = breaker.call(() => {
        if (isDown(at)) throw new Error('down')
      })
      await call.catch((error: Error & { code?: string }) => {
        as = error.code === 'CIRCUIT_OPEN' ? 'no' : 'failed'
      })
      drawing.dot(at, 118, as)
    }
    if (bands.at(-1)?.[0] !== breaker.state) bands.push([breaker.state, at])
  }
  for (const [i, [state, from]] of bands.entries()) {
    const to = bands[i + 1]?.[1] ?? 25
    drawing.band(from, to, 62, 30, state)
    if (to - from > 1) drawing.text((drawing.x(from) + drawing.x(to)) / 2, 82, state, 'middle')
  }
  drawing.text(16, 82, 'state')
  drawing.text(16, 123, 'calls')
  drawing.band(4, 13, 34, 14, 'failed')
  drawing.text(16, 46, 'service is down')
  drawing.dot(0.2, 146 - 8, 'yes')
  drawing.text(drawing.x(0.2) + 10, 142, 'passed', 'small')
  drawing.dot(3, 146 - 8, 'failed')
  drawing.text(drawing.x(3) + 10, 142, 'failed', 'small')
  drawing.dot(5.5, 146 - 8, 'no')
  drawing.text(drawing.x(5.5) + 10, 142, 'rejected at once', 'small')
  return drawing.svg
}

/** The attempts of four callers that fail together, by jitter. */
async function retries(): Promise<string> {
  const CALLERS = 4
  const drawing = new Drawing('Four callers that fail together, by jitter', 33, 290)
  drawing.axis(5)
  let seed = 7
  const random = () => {
    seed = (seed * 48_271) % 2_147_483_647
    return seed / 2_147_483_647
  }
  for (const [row, jitter] of (['none', 'equal', 'full'] as const).entries()) {
    const top = 26 + row * 76
    const middle = top + 14 * (CALLERS / 2)
    drawing.text(16, middle + 5, `'${jitter}'`)
    drawing.add(
      `<rect x="${drawing.x(0)}" y="${top}" width="${round(drawing.x(33) - drawing.x(0))}" height="${14 * CALLERS + 6}" rx="3" class="kept"/>`,
    )
    const clock = new ManualClock()
    const callers = Array.from({ length: CALLERS }, (_, caller) =>
      backoff(
        () => {
          drawing.dot(round(clock.now() / 1000), top + 10 + caller * 14, 'failed')
          throw new Error('down')
        },
        { clock, jitter, random },
      ).catch(() => {}),
    )
    for (let tick = 0; tick < 330; tick++) await clock.advanceAsync('100ms')
    await Promise.all(callers)
  }
  return drawing.svg
}

/** Four jobs, one worker, and a job whose first attempt fails. */
async function jobs(): Promise<string> {
  const clock = new ManualClock()
  const queue = QueueFactory.priority({
    workers: 1,
    clock,
    retry: { attempts: 2, backoff: () => 3 },
    handler: async (name: string, { attempt }) => {
      await new Promise<void>((resolve) => clock.after(2000, resolve))
      if (name === 'bob' && attempt === 1) throw new Error('no answer')
    },
  }).start()
  const plan: [at: number, name: string, priority: number, label: string][] = [
    [0.5, 'ann', 0, 'ann'],
    [1, 'bob', 0, 'bob: fails once'],
    [1.5, 'cid', 0, 'cid'],
    [2, 'eve', 10, 'eve: priority 10'],
  ]
  const drawing = new Drawing('Four jobs of a priority queue with one worker', 13, 270)
  drawing.axis(1)
  const bands = plan.map((): [state: string, from: number][] => [])
  const accepted: { readonly state: string }[] = []
  for (let tick = 0; tick <= 130; tick++) {
    const at = tick / 10
    await clock.advanceAsync(at - clock.now() / 1000)
    for (const [due, name, priority] of plan) {
      if (due === at) accepted.push(await queue.put(name, { priority }))
    }
    // A retry that has become due starts in a later turn of the event loop.
    await new Promise((resolve) => setImmediate(resolve))
    for (const [i, { state }] of accepted.entries()) {
      if (bands[i]?.at(-1)?.[0] !== state) bands[i]?.push([state, at])
    }
  }
  await queue.stop()
  for (const [row, [, , , label]] of plan.entries()) {
    const y = 30 + row * 50
    drawing.text(16, y + 20, label)
    for (const [i, [state, from]] of (bands[row] ?? []).entries()) {
      const to = bands[row]?.[i + 1]?.[1] ?? 13
      drawing.band(from, to, y, 30, state)
      if (to - from > 1) drawing.text(drawing.x((from + to) / 2), y + 20, state, 'middle')
    }
  }
  return drawing.svg
}

/** A job of every 10 s that takes 15 s, by what its schedule does when runs overlap. */
async function overlaps(): Promise<string> {
  const LAST = 60
  const drawing = new Drawing('A job of every 10 s that takes 15 s, by overlap', LAST, 292)
  drawing.axis(10)
  const rows = ['skip', 'queue', 'replace', { parallel: 2 }] as const
  for (const [row, overlap] of rows.entries()) {
    const top = 26 + row * 58
    const lanes = typeof overlap === 'object' ? 2 : 1
    drawing.text(16, top + 26, lanes === 1 ? `'${overlap as string}'` : '{ parallel: 2 }')
    const clock = new ManualClock()
    const scheduler = new Scheduler({ clock })
    const seconds = () => round(clock.now() / 1000)
    const runs: { slot: number; from: number; to: number; aborted: boolean }[] = []
    const skipped: number[] = []
    const began = clock.wall()
    const slotOf = (slot: Date) => round((slot.getTime() - began) / 1000)
    scheduler.every(
      '10s',
      async ({ slot, signal }) => {
        const run = { slot: slotOf(slot), from: seconds(), to: LAST, aborted: false }
        runs.push(run)
        await new Promise<void>((resolve) => {
          clock.after(15_000, resolve)
          signal.addEventListener('abort', () => resolve(), { once: true })
        })
        run.to = seconds()
        run.aborted = signal.aborted
      },
      { overlap },
    )
    scheduler.on('skipped', ({ slot }) => skipped.push(slotOf(slot)))
    scheduler.start()
    for (let tick = 0; tick < LAST; tick++) await clock.advanceAsync('1s')
    const high = lanes === 1 ? 28 : 13
    for (const [i, { from, to, aborted }] of runs.entries()) {
      if (to === from) continue
      const y = top + 8 + (i % lanes) * 15
      drawing.band(from, to, y, high, aborted ? 'delayed' : 'running')
      const middle = drawing.x((from + to) / 2)
      if (lanes === 1) drawing.text(middle, top + 27, aborted ? 'aborted' : 'runs', 'middle small')
    }
    for (const { slot } of runs) if (slot < LAST) drawing.dot(slot, top, 'yes')
    for (const slot of skipped) if (slot < LAST) drawing.dot(slot, top, 'no')
    await scheduler.stop({ deadline: 0 })
  }
  return drawing.svg
}

/** A bucket of 100 that refills by 2 a second, and three estimates that are settled otherwise than expected. */
async function budget(): Promise<string> {
  const LAST = 25
  const clock = new ManualClock()
  const limiter = LimiterFactory.tokenBucket({ rate: 2, burst: 100, clock })
  const drawing = new Drawing('A budget of 100: estimates are taken, then settled', LAST, 250)
  drawing.axis(5)
  const base = 150
  const high = (used: number) => round(base - used)
  const levels: string[] = []
  const open: { settle(actual: number): Promise<void> }[] = []
  const reserve = async (at: number, estimate: number) => {
    const taken = await limiter.reserve('team', estimate)
    drawing.dot(at, base + 16, taken === undefined ? 'no' : 'yes')
    if (taken !== undefined) open.push(taken)
    return `reserve ${estimate}${taken === undefined ? ': no' : ''}`
  }
  const settle = async (at: number, actual: number) => {
    await open.shift()?.settle(actual)
    drawing.dot(at, base + 16, 'yes')
    return `settle ${actual}`
  }
  const plan: [at: number, act: (at: number) => Promise<string>][] = [
    [2, (at) => reserve(at, 70)],
    [5, (at) => reserve(at, 50)],
    [8, (at) => settle(at, 20)],
    [11, (at) => reserve(at, 50)],
    [15, (at) => settle(at, 80)],
    [19, (at) => reserve(at, 50)],
  ]
  for (let tick = 0; tick <= LAST * 10; tick++) {
    const at = tick / 10
    clock.advance(at - clock.now() / 1000)
    const [due, act] = plan[0] ?? [Infinity]
    if (due <= at && act !== undefined) {
      plan.shift()
      drawing.text(drawing.x(at), base + 38, await act(at), 'middle small')
    }
    levels.push(`${drawing.x(at)} ${high(100 - (await limiter.peek('team')).remaining)}`)
  }
  drawing.add(
    `<path d="M${drawing.x(0)} ${base}L${levels.join('L')}L${drawing.x(LAST)} ${base}Z" class="level"/>`,
  )
  drawing.line(drawing.x(0), high(100), drawing.x(LAST), high(100), 'edge')
  drawing.text(16, high(100) + 5, 'limit: 100')
  drawing.text(16, high(50) + 5, 'used or reserved')
  return drawing.svg
}

if (process.argv[1]?.endsWith('pictures.ts')) {
  for (const [path, svg] of Object.entries(await pictures())) writeFileSync(`${root}${path}`, svg)
}
