// Queues, workers, batches. Run it: npx tsx examples/02-queues.ts
import { setTimeout as sleep } from 'node:timers/promises'
import { BatchCollector, backoff, QueueFactory, queued, WorkerPool } from 'aioflux'

// Higher priority first, first come first served among equals.
const mails = QueueFactory.priority({
  workers: 1,
  handler: async (to: string) => `sent to ${to}`,
})
const sent: string[] = []
mails.on('completed', ({ item }) => sent.push(item))
await mails.put('newsletter')
await mails.put('password reset', { priority: 10 })
await mails.put('invoice', { priority: 5 })
mails.start()
await mails.onIdle()
console.log('by priority:', sent.join(', ')) // => by priority: password reset, invoice, newsletter

// `submit` waits for the result, retries and all.
const flaky = QueueFactory.fifo<() => unknown>({
  workers: 4,
  retry: { attempts: 3, backoff: '10ms' },
}).start()
let tries = 0
const answer = await flaky.submit(() => {
  tries += 1
  if (tries < 3) throw new Error('not yet')
  return 42
})
console.log(`answer ${answer} after ${tries} tries`) // => answer 42 after 3 tries

// Batches: by size, or when the first item has waited long enough.
const rows = QueueFactory.fifo({
  batchSize: 3,
  batchTimeout: '20ms',
  batchFn: async (items: number[]) => items.map((item) => `${item} of a batch of ${items.length}`),
}).start()
console.log((await Promise.all([1, 2, 3, 4].map((row) => rows.submit(row)))).join('; '))
// => 1 of a batch of 3; 2 of a batch of 3; 3 of a batch of 3; 4 of a batch of 1

// The same alone, without a queue.
const users = new BatchCollector({
  batchSize: 10,
  timeout: '5ms',
  callback: (ids: number[]) => ids.map((id) => `user ${id}`),
})
console.log((await Promise.all([7, 8].map((id) => users.add(id)))).join(', ')) // => user 7, user 8

// Delayed jobs are never early.
const reminders = QueueFactory.delay({ handler: (text: string) => text }).start()
const began = performance.now()
const reminder = await reminders.submit('stand up', { delay: '30ms' })
console.log(`${reminder}, not early: ${performance.now() - began >= 30}`) // => stand up, not early: true

// The same thing twice is done once, and both get the result.
let renders = 0
const pages = QueueFactory.dedupe({
  mode: 'coalesce',
  handler: async (page: string) => {
    renders += 1
    await sleep(5)
    return `<${page}>`
  },
}).start()
await Promise.all([pages.submit('home'), pages.submit('home'), pages.submit('home')])
console.log(`rendered ${renders} time`) // => rendered 1 time

// `offer` makes no promise and never waits: for what may be lost.
const samples = QueueFactory.fifo<number>({ maxSize: 2 })
console.log([1, 2, 3].map((sample) => samples.offer(sample)).join(', ')) // => true, true, false

// One to many; a slow reader loses the oldest, and knows how many.
const prices = QueueFactory.broadcast<number>({ maxSize: 2 })
const reader = prices.subscribe()
for (const price of [1, 2, 3]) await prices.put(price)
await prices.stop()
const seen: number[] = []
for await (const price of reader) seen.push(price)
console.log(`saw ${seen.join(', ')}, missed ${reader.dropped}`) // => saw 2, 3, missed 1

// Any function, with at most two calls at once.
const load = queued({ workers: 2 })(async (id: number) => id * 2)
console.log((await Promise.all([1, 2, 3].map((id) => load(id)))).join(', ')) // => 2, 4, 6

// Workers as the load asks for; results in order.
await using pool = new WorkerPool({ maxWorkers: 4 }).start()
const squares: number[] = []
for await (const square of pool.map([1, 2, 3, 4], async (n) => n * n)) squares.push(square)
console.log(squares.join(', ')) // => 1, 4, 9, 16

console.log(await backoff(({ attempt }) => `try ${attempt}`)) // => try 1

// stop says what was done, and what was not.
const slow = QueueFactory.fifo({
  handler: (_: string, { signal }) => sleep(60_000, undefined, { signal }),
}).start()
void slow.submit('begun').catch(() => {})
void slow.submit('waiting').catch(() => {})
const report = await slow.stop({ deadline: '20ms' })
console.log('aborted:', report.aborted.map(({ item }) => item).join()) // => aborted: begun
console.log('never begun:', report.notStarted.map(({ item }) => item).join()) // => never begun: waiting

await Promise.all([mails, flaky, rows, reminders, pages].map((queue) => queue.stop()))
