// Circuit breaker, scheduler, locks and leader election, on a clock of our own, so that hours pass in no time.
// Run it: npx tsx examples/03-advanced.ts
import {
  CircuitBreaker,
  Coordinator,
  circuitBreaker,
  isAioFluxError,
  MemoryStorage,
  Scheduler,
} from 'aioflux'
import { ManualClock } from 'aioflux/testing'

const clock = new ManualClock()
clock.setWall('2026-03-28T00:00:00Z')

// 1. A breaker opens after 3 failures in a row and tries again 30 seconds later.
let up = false
const breaker = new CircuitBreaker({ name: 'users', failureThreshold: 3, timeout: '30s', clock })
breaker.on('open', ({ retryAfter }) => console.log(`open for ${retryAfter} s`))
breaker.on('close', () => console.log('closed again'))

const load = circuitBreaker({ breaker, fallback: () => 'from the cache' })(async (id: string) => {
  if (!up) throw new Error('down')
  return `user ${id}`
})
for (let i = 0; i < 3; i++) await load('ann') // => open for 30 s
console.log(await load('ann')) // => from the cache
try {
  await breaker.call(() => 'never run')
} catch (error) {
  if (isAioFluxError(error, 'CIRCUIT_OPEN')) console.log(error.message) // => circuit breaker 'users' is open, retry after 30 s
}
up = true
clock.advance('30s')
console.log(await load('ann'))
// => closed again
// => user ann

// 2. A scheduler in Berlin, over the night in which clocks are put forward from 02:00 to 03:00.
const scheduler = new Scheduler({ timezone: 'Europe/Berlin', clock })
scheduler.cron('30 2 * * *', ({ slot }) => console.log(`backup at ${slot.toISOString()}`), {
  name: 'backup',
  misfire: 'once',
})
scheduler.on('misfire', ({ name, count }) => console.log(`${name}: ${count} missed`))
scheduler.start()
await clock.advanceAsync('2d')
// => backup at 2026-03-28T01:30:00.000Z
// => backup at 2026-03-29T01:00:00.000Z
// On the second night 02:30 does not exist: the moment of the change stands in for it.

// The machine sleeps for three days: one run makes up for the three that were missed.
clock.setWall('2026-04-02T00:00:00Z')
await clock.advanceAsync('30s')
// => backup: 3 missed
// => backup at 2026-04-01T00:30:00.000Z
console.log(`next: ${scheduler.listJobs()[0]?.nextRun?.toISOString()}`) // => next: 2026-04-02T00:30:00.000Z
await scheduler.stop()

// 3. Three processes, one schedule: each slot is run by one of them.
const storage = new MemoryStorage({ clock })
let runs = 0
const fleet = [1, 2, 3].map(() => {
  const member = new Scheduler({ storage, clock })
  member.every('1m', () => runs++, { name: 'report' })
  return member.start()
})
await clock.advanceAsync('1h')
const reports = await Promise.all(fleet.map((member) => member.stop({ deadline: '10s' })))
console.log(`${runs} runs, ${reports.reduce((sum, { completed }) => sum + completed, 0)} completed`) // => 60 runs, 60 completed

// 4. A lock: one at a time, in order of arrival. Over RedisStorage it is one at a time on all machines.
const coordinator = new Coordinator({ storage, clock, ttl: '10s' })
const turns = ['ann', 'bob', 'cem'].map((name) =>
  coordinator.withLock('invoice-42', (lease) => {
    lease.assertHeld() // before each step that must not be done twice
    return `${name} with token ${lease.token}` // the database refuses smaller ones
  }),
)
for (const turn of await Promise.all(turns)) console.log(turn)
// => ann with token …
// => bob with token …
// => cem with token …

// A machine that has slept knows that it has lost its lock, before any timer has run.
const lost = await coordinator.lock('invoice-43')
clock.setWall(clock.wall() + 3_600_000)
console.log(lost.held, lost.signal.aborted, await lost.release()) // => false true false

// 5. A leader: another one leads when it steps down, or dies.
const others = [1, 2].map(() => new Coordinator({ storage, clock }))
const reigns = [coordinator, ...others].map((one, i) =>
  one.lead(async (lease) => {
    console.log(`${i} leads: ${one.isLeader}, its signal aborted: ${lease.signal.aborted}`)
  }),
)
await Promise.all(reigns)
// => 0 leads: true, its signal aborted: false
// => 1 leads: true, its signal aborted: false
// => 2 leads: true, its signal aborted: false
await Promise.all([coordinator, ...others].map((one) => one.close()))
