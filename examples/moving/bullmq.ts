// The same queue with BullMQ and with aioflux, over the same Redis.
// It uses the Redis at REDIS_URL, or starts a redis-server of its own and ends it; without either it says so.
// biome-ignore-all assist/source/organizeImports: each part has its own.
// #region before
import { Queue, QueueEvents, Worker } from 'bullmq'
// #endregion
// #region after
import { LimiterFactory, QueueFactory } from 'aioflux'
import { RedisStorage } from 'aioflux/redis'
// #endregion
// #region cron-after
import { Scheduler } from 'aioflux'
// #endregion
// The storage loads it when it is first used: on a busy machine that takes longer than its timeout.
import 'redis'
import { findRedis } from '../find-redis.mts'

interface Mail {
  to: string
}
/** Of this run alone: the Redis may be one that others use. */
const name = `mails-${process.pid}-${Date.now()}`
const send = async ({ to }: Mail) => `sent to ${to}`

await using redis = await findRedis()
if (redis === undefined) console.log('Skipped: neither REDIS_URL nor redis-server')
else {
  const { hostname: host, port } = new URL(redis.url)
  await before({ host, port: Number(port) })
  await after(redis.url)
}

async function before(connection: { host: string; port: number }): Promise<void> {
  // #region before
  const mails = new Queue<Mail>(name, {
    connection,
    defaultJobOptions: { attempts: 3, backoff: { type: 'exponential', delay: 1000 } },
  })
  const worker = new Worker<Mail, string>(name, ({ data }) => send(data), {
    connection,
    concurrency: 10,
    limiter: { max: 100, duration: 1000 },
  })
  // Without lastEventId it misses a job that ends before its first read, and the wait below never ends.
  const events = new QueueEvents(name, { connection, lastEventId: '0' })

  const job = await mails.add('welcome', { to: 'ann' }, { priority: 1, jobId: 'welcome-ann' })
  console.log(await job.waitUntilFinished(events)) // => sent to ann
  // #endregion
  // #region bulk-before
  await mails.addBulk(['bob', 'cid'].map((to) => ({ name: 'welcome', data: { to } })))
  await mails.add('reminder', { to: 'dan' }, { delay: 60_000 })
  // #endregion
  // #region cron-before
  await mails.upsertJobScheduler('digest', { pattern: '0 9 * * *' }, { data: { to: 'all' } })
  // #endregion
  // #region inspect-before
  console.log(await mails.getJobCounts('delayed', 'failed')) // => { delayed: 2, failed: 0 }
  const failed = await mails.getFailed(0, 99)
  await Promise.all(failed.map((one) => one.retry()))
  // #endregion
  await worker.close()
  await events.close()
  await mails.close()
}

async function after(url: string): Promise<void> {
  // #region after
  const storage = new RedisStorage({ url })
  const mails = QueueFactory.priority<Mail, string>({
    name,
    storage,
    handler: send,
    workers: 10,
    retry: { attempts: 3, baseDelay: '1s' },
    limiter: LimiterFactory.tokenBucket({ rate: 100, per: '1s', storage, scope: name }),
  })
  await mails.start()

  const job = await mails.put({ to: 'ann' }, { priority: 10, id: 'welcome-ann' })
  console.log(await job.result) // => sent to ann
  // #endregion
  // #region bulk-after
  await mails.putMany(['bob', 'cid'].map((to) => ({ to })))
  await mails.put({ to: 'dan' }, { delay: '1m' })
  // #endregion
  // #region cron-after
  const scheduler = new Scheduler({ storage })
  scheduler.cron('0 9 * * *', ({ slot }) =>
    mails.put({ to: 'all' }, { id: `digest:${slot.toISOString()}` }),
  )
  scheduler.start()
  // #endregion
  // #region inspect-after
  const { delayed, dead } = await mails.counts()
  console.log({ delayed, dead }) // => { delayed: 1, dead: 0 }
  await mails.redrive({ limit: 100 })
  // #endregion
  await scheduler.stop()
  await mails.stop()
  await storage.close()
}
