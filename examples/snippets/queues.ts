// What README and docs/queues.md show.
// biome-ignore-all assist/source/organizeImports: each part has its own.
import { setTimeout as sleep } from 'node:timers/promises'
import { BatchCollector, LimiterFactory, queued } from 'aioflux'
// #region priority
import { QueueFactory } from 'aioflux'
// #endregion

interface Mail {
  to: string
  tenant?: string
}
const send = async (mail: Mail) => `sent to ${mail.to}`
const mail: Mail = { to: 'ann', tenant: 'shop' }

{
  // #region priority
  const queue = QueueFactory.priority({
    workers: 5,
    handler: (mail: Mail) => send(mail), // your code
    retry: { attempts: 3 }, // at most 3 attempts, the first included
  })
  queue.start()

  const receipt = await queue.submit(mail, { priority: 10 }) // the highest goes first; resolves with the result
  const job = await queue.put(mail) // resolves when it is accepted
  // #endregion
  console.log(receipt, '-', await job.result, '-', job.state) // => sent to ann - sent to ann - completed
  await queue.stop()
}

{
  // #region tasks
  const queue = QueueFactory.fifo<() => unknown>({ workers: 10 }).start()
  await queue.put(async () => send(mail)) // without a handler, functions are run
  await queue.onIdle()
  // #endregion
  console.log((await queue.stop()).completed) // => 1
}

{
  const insert = async (rows: number[]) => rows.map((row) => `row ${row}`)
  // #region batch
  const rows = QueueFactory.fifo({
    batchSize: 100,
    batchTimeout: '50ms', // from the first item on
    batchFn: (batch: number[]) => insert(batch), // a result for each item, in order
    bisectOnError: true, // one bad row does not fail the others
  }).start()

  console.log(await Promise.all([1, 2, 3].map((row) => rows.submit(row)))) // => [ 'row 1', 'row 2', 'row 3' ]
  // #endregion
  await rows.stop()
}

{
  const loadUsers = async (ids: number[]) => ids.map((id) => `user ${id}`)
  // #region collector
  const users = new BatchCollector({
    batchSize: 50,
    timeout: '5ms',
    callback: (ids: number[]) => loadUsers(ids),
  })
  console.log(await users.add(42)) // => user 42
  // #endregion
  await users.stop()
}

{
  const remind = async (mail: Mail) => `reminded ${mail.to}`
  // #region delay
  const reminders = QueueFactory.delay({ handler: remind }).start()
  await reminders.put(mail, { delay: '3d' })
  await reminders.put(mail, { at: new Date('2030-01-01T09:00:00Z') })
  // #endregion
  const { notStarted } = await reminders.stop({ mode: 'drop' })
  console.log(`${notStarted.length} left for later`) // => 2 left for later
}

{
  let renders = 0
  const render = async (page: string) => {
    renders += 1
    await sleep(5)
    return `<${page}>`
  }
  // #region dedupe
  const pages = QueueFactory.dedupe({ mode: 'coalesce', handler: render }).start()
  const [one, two] = await Promise.all([pages.submit('home'), pages.submit('home')])
  // #endregion
  console.log(one, two, `rendered ${renders} time`) // => <home> <home> rendered 1 time
  await pages.stop()
}

{
  // #region broadcast
  const prices = QueueFactory.broadcast<number>({ maxSize: 2, overflow: 'drop-oldest' })
  const reader = prices.subscribe() // all that is put from here on is seen
  for (const price of [1, 2, 3]) await prices.put(price)
  await prices.stop()

  for await (const price of reader) console.log(price)
  // => 2
  // => 3
  console.log(`missed ${reader.dropped}`) // => missed 1
  // #endregion
}

{
  // #region limiter
  const queue = QueueFactory.fifo({
    workers: 20,
    handler: (mail: Mail) => send(mail),
    limiter: LimiterFactory.tokenBucket({ rate: 10, per: '1s' }),
    limiterKey: (mail) => mail.tenant ?? '', // jobs of other tenants pass a job that must wait
  }).start()
  // #endregion
  console.log(await queue.submit(mail)) // => sent to ann
  await queue.stop()
}

{
  const broken = async (_: Mail, { signal }: { signal: AbortSignal }) => {
    await sleep(1, undefined, { signal })
    throw new Error('no such address')
  }
  // #region failures
  const queue = QueueFactory.fifo({
    handler: broken,
    timeout: '30s', // of one attempt: then its signal aborts
    retry: { attempts: 2, baseDelay: '10ms', maxDelay: '1m' }, // doubles, with full jitter
    deadLetter: ({ item, error, attempts }) =>
      console.log(`${item.to}: ${(error as Error).message}, ${attempts} attempts`),
  }).start()
  await queue.put(mail)
  await queue.onIdle()
  // => ann: no such address, 2 attempts
  // #endregion
  await queue.stop()
}

{
  const queue = QueueFactory.fifo({
    handler: (_: Mail, { signal }) => sleep(60_000, undefined, { signal }),
  }).start()
  await queue.put(mail)
  await queue.put({ to: 'bob' })
  // #region stop
  const report = await queue.stop({ deadline: '10ms' })
  console.log(report.aborted.map(({ item }) => item.to)) // => [ 'ann' ]
  console.log(report.notStarted.map(({ item }) => item.to)) // => [ 'bob' ]
  // #endregion
}

{
  // #region pull
  const queue = QueueFactory.fifo<number>()
  for (const n of [1, 2, 3]) await queue.put(n)
  console.log(await queue.get(), queue.tryGet()) // => 1 2
  for await (const n of queue) {
    console.log(n) // => 3
    break // the loop would wait for more
  }
  // #endregion
  await queue.stop()
}

{
  const draw = async (page: string) => `<${page}>`
  // #region queued
  const render = queued({ workers: 2 })(async (page: string) => draw(page))

  class Mailer {
    @queued({ workers: 5, priorityFn: (mail: Mail) => (mail.to === 'boss' ? 10 : 0) })
    async send(mail: Mail) {
      return send(mail)
    }
  }
  // #endregion
  console.log(await render('home'), await new Mailer().send(mail)) // => <home> sent to ann
}

{
  // #region claim
  const queue = QueueFactory.fifo<string>()
  await queue.putMany(['a', 'b', 'c'])
  const [first, second] = await queue.claim({ max: 2, timeout: '1s' }) // no job within a second: an empty list
  await first?.complete() // or fail(error): retried as the queue says
  await second?.release() // back to its place; this is no attempt
  console.log((await queue.counts()).waiting) // => 2
  // #endregion
  await queue.stop({ mode: 'drop' })
}

{
  // #region groups
  const done: string[] = []
  const queue = QueueFactory.fifo({
    handler: ({ to }: Mail) => done.push(to),
    group: (mail) => mail.tenant ?? '',
    groupConcurrency: 1, // jobs of one group that run at once
  })
  await queue.putMany([
    { to: 'ann', tenant: 'shop' },
    { to: 'bob', tenant: 'shop' },
    { to: 'eve', tenant: 'bank' },
  ])
  queue.start()
  await queue.onIdle()
  console.log(done) // => [ 'ann', 'eve', 'bob' ]
  // #endregion
  await queue.stop()
}

{
  let healthy = false
  const send = async (mail: Mail) => {
    if (!healthy) throw new Error('no route')
    return `sent to ${mail.to}`
  }
  // #region dead
  const queue = QueueFactory.fifo({
    handler: send,
    keep: { dead: '7d' }, // jobs that failed for good are kept to be looked at
    deadLetter: () => {}, // and are not written to the console
  }).start()
  await queue.put(mail, { id: 'mail:1' }) // the same id once more is the same job
  await queue.onIdle()

  console.log((await queue.deadByError())[0]?.error) // => no route
  console.log((await queue.job('mail:1'))?.state) // => dead
  healthy = true
  console.log(await queue.redrive({ ids: ['mail:1'] })) // => 1
  // #endregion
  await queue.onIdle()
  console.log((await queue.counts()).completed) // => 1
  await queue.stop()
}
