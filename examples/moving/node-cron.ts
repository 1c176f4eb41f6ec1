// The same schedules with node-cron and with aioflux.
// biome-ignore-all assist/source/organizeImports: each part has its own.
// #region before
import cron from 'node-cron'
// #endregion
// #region after
import { Scheduler } from 'aioflux'
// #endregion

const report = async () => {}

{
  // #region before
  const task = cron.schedule('0 9 * * 1-5', report, {
    name: 'report',
    timezone: 'Europe/Berlin',
    noOverlap: true,
    maxRandomDelay: 1000,
  })
  task.on('execution:failed', ({ execution }) => console.error(execution?.error))
  // #endregion
  console.log(task.name, task.getNextRun() instanceof Date) // => report true
  await task.destroy()
}

{
  // #region after
  const scheduler = new Scheduler({ timezone: 'Europe/Berlin' })
  scheduler.cron('0 9 * * 1-5', report, { name: 'report', overlap: 'skip', jitter: '1s' })
  scheduler.on('failed', ({ error }) => console.error(error))
  scheduler.start()
  // #endregion
  const [job] = scheduler.listJobs()
  console.log(job?.name, job?.nextRun instanceof Date) // => report true
  await scheduler.stop()
}

{
  // #region some-before
  const task = cron.schedule('* * * * * *', () => console.log('tick'), { maxExecutions: 1 })
  // => tick
  // #endregion
  await new Promise<void>((resolve) => {
    task.on('execution:maxReached', () => resolve())
  })
  await task.destroy()
}

{
  const scheduler = new Scheduler()
  // #region some-after
  scheduler.cron('* * * * * *', () => console.log('tick'), { maxRuns: 1, runAtStart: true })
  // => tick
  // #endregion
  scheduler.start()
  await scheduler.stop()
}

{
  // #region hand-before
  const task = cron.createTask('0 3 * * *', report)
  await task.start()
  await task.execute()
  await task.stop()
  // #endregion
  console.log(cron.validate('0 3 * * *')) // => true
  await task.destroy()
}

{
  const scheduler = new Scheduler()
  // #region hand-after
  const job = scheduler.cron('0 3 * * *', report, { name: 'backup' })
  scheduler.start()
  scheduler.run('backup')
  job.cancel()
  // #endregion
  const { completed } = await scheduler.stop()
  console.log(completed) // => 1
}
