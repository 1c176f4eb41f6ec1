// Work that is due: every so often, by cron, at a date. On a clock of our own, so that days pass in no time.
// Run it: npx tsx examples/08-scheduler.ts
import { MemoryStorage, Scheduler } from 'aioflux'
import { ManualClock } from 'aioflux/testing'

const clock = new ManualClock()
clock.setWall('2026-03-27T08:00:00Z')
const time = (date: Date | undefined) => date?.toISOString().slice(0, 16).replace('T', ' ')

// Every 30 minutes, on working days at nine in Berlin, and once.
const scheduler = new Scheduler({ timezone: 'Europe/Berlin', clock })
let refreshed = 0
scheduler.every('30m', () => refreshed++, { name: 'refresh' })
scheduler.cron('0 9 * * MON-FRI', ({ slot }) => console.log('report', time(slot)), {
  name: 'report',
})
scheduler.at(new Date('2026-03-29T12:00:00Z'), () => console.log('once'), { name: 'launch' })
scheduler.start()

// Friday to Monday. The clocks are put forward on Sunday, so nine in Berlin is one hour earlier by UTC.
await clock.advanceAsync('3d')
// => once
// => report 2026-03-30 07:00
console.log(`refreshed ${refreshed} times`) // => refreshed 144 times
for (const { name, schedule, nextRun } of scheduler.listJobs()) {
  console.log(`${name} (${schedule}): ${time(nextRun) ?? 'never again'}`)
}
// => refresh (every 1800 s): 2026-03-30 08:30
// => report (0 9 * * MON-FRI): 2026-03-31 07:00
// => launch (2026-03-29T12:00:00.000Z): never again
await scheduler.stop()

// A run that takes longer than its period: skip the slot, queue one, replace the run, or run beside it.
// #region overlap
for (const overlap of ['skip', 'queue', 'replace', { parallel: 2 }] as const) {
  const busy = new Scheduler({ clock })
  busy.every('10s', ({ signal }) => fifteenSeconds(signal), { overlap })
  busy.start()
  await clock.advanceAsync('60s')
  const { completed, aborted } = await busy.stop({ deadline: 0 })
  console.log(`${JSON.stringify(overlap)}: ${completed} done, ${aborted.length} cut off at the end`)
}
// #endregion
// => "skip": 2 done, 1 cut off at the end
// => "queue": 3 done, 1 cut off at the end
// => "replace": 0 done, 1 cut off at the end
// => {"parallel":2}: 4 done, 2 cut off at the end

// What fails is an event, and is tried again when that was asked for.
// #region retry
const nightly = new Scheduler({ clock })
nightly.on('retry', ({ attempt, delay }) =>
  console.log(`attempt ${attempt} failed, next in ${delay} s`),
)
nightly.on('failed', ({ name, attempts }) => console.log(`${name}: failed after ${attempts}`))
nightly.every('1d', () => Promise.reject(new Error('disk full')), {
  name: 'backup',
  retry: { attempts: 2, backoff: '1m', jitter: 'none' },
  timeout: '10m',
})
nightly.start()
await clock.advanceAsync('25h')
// => attempt 1 failed, next in 60 s
// => backup: failed after 2
await nightly.stop()
// #endregion

// At the start as well, and three times in all.
// #region runs
const warm = new Scheduler({ clock })
warm.every('1h', () => console.log('cache filled'), { runAtStart: true, maxRuns: 3 })
warm.start()
await clock.advanceAsync('1d')
// => cache filled
// => cache filled
// => cache filled
await warm.stop()
// #endregion

// Three processes, one schedule: each slot is run by one of them. With RedisStorage instead, on as many machines.
// #region fleet
const storage = new MemoryStorage({ clock })
let reports = 0
const fleet = [1, 2, 3].map(() => {
  const member = new Scheduler({ storage, clock })
  member.cron('0 * * * *', () => reports++, { name: 'hourly' })
  return member.start()
})
await clock.advanceAsync('1d')
console.log(`${reports} reports by ${fleet.length} processes`) // => 24 reports by 3 processes
for (const member of fleet) await member.stop()
// #endregion

function fifteenSeconds(signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(15_000, resolve)
    signal.addEventListener('abort', () => {
      cancel()
      reject(signal.reason)
    })
  })
}
