// What README and docs/scheduler.md show.
// #region jobs
import { Scheduler } from 'aioflux'

// #endregion

const refresh = async () => {}
const report = async () => {}
const celebrate = async () => {}

// #region jobs
const scheduler = new Scheduler({ timezone: 'Europe/Berlin' })
scheduler.every('30s', refresh) // your functions
scheduler.cron('0 9 * * MON-FRI', report, { overlap: 'queue', timeout: '10m', retry: 3 })
scheduler.at(new Date('2030-01-01T00:00:00Z'), celebrate)
scheduler.start()

process.once('SIGTERM', () => scheduler.stop({ deadline: '30s' }))
// #endregion

console.log(scheduler.listJobs().map(({ name }) => name)) // => [ 'refresh', 'report', 'celebrate' ]
await scheduler.stop()
