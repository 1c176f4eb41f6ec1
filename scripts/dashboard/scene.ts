import { setTimeout as sleep } from 'node:timers/promises'
import {
  CircuitBreaker,
  Coordinator,
  LimiterFactory,
  MemoryStorage,
  QueueFactory,
  Scheduler,
  WorkerPool,
} from 'aioflux'
import type { DashboardOptions } from 'aioflux/dashboard'

/** What has happened to the scene, and is told the page by its parts. */
export interface Scene {
  readonly parts: Omit<DashboardOptions, 'access'>
  /** Nothing is wrong until this is called. */
  trouble(): void
  stop(): void
}

interface Receipt {
  order: string
  shop: string
}

/**
 * A shop with traffic: a limit that is attacked, a gateway that stops to answer, a queue that waits for it.
 *
 * @param troubled is anything wrong from the beginning?
 */
export function scene(troubled = true): Scene {
  let wrong = troubled
  const api = LimiterFactory.tokenBucket({ rate: 100, per: '1m', burst: 100, name: 'api' })
  const login = LimiterFactory.slidingWindow({ rate: 5, per: '1m', name: 'login' })
  const search = LimiterFactory.tokenBucket({ rate: 20, burst: 40, name: 'search' })
  const uploads = LimiterFactory.concurrency({ limit: 8, name: 'uploads' })
  // A limit in shadow, which is tried on all calls and refuses none, and a limit that finds its number itself.
  const exports = LimiterFactory.tokenBucket({ rate: 5, per: '1m', name: 'export', shadow: true })
  const llm = LimiterFactory.adaptive({
    name: 'llm-calls',
    minRate: 2,
    initialRate: 20,
    maxRate: 50,
  })
  const gateway = new CircuitBreaker({ name: 'card-gateway', timeout: '40s', failureThreshold: 5 })
  const smtp = new CircuitBreaker({ name: 'smtp' })
  const crm = new CircuitBreaker({ name: 'legacy-crm' })
  const isolation = crm.isolate()

  const receipts = QueueFactory.priority<Receipt, void>({
    name: 'receipts',
    workers: 4,
    retry: 2,
    keep: { dead: { count: 1000 } },
    group: ({ shop }) => shop,
    handler: async ({ shop }, { signal }) => {
      await sleep(wrong ? 2000 : 20, undefined, { signal })
      if (wrong && shop === 'acme') throw withCode(new Error('connect 192.0.2.44:443'), 'ETIMEDOUT')
    },
  })
  const mails = QueueFactory.fifo<string>({
    name: 'mails',
    workers: 20,
    handler: () => sleep(30),
  })
  const imports = QueueFactory.fifo<string>({ name: 'imports', handler: () => sleep(10) })
  imports.pause()
  for (const queue of [receipts, mails, imports]) {
    queue.on('failed', () => {})
    queue.on('error', () => {})
    queue.start()
  }
  for (let i = 0; i < 9; i++) void imports.put(`catalogue-${i}`)

  const scheduler = new Scheduler({ timezone: 'UTC' })
  scheduler.on('failed', () => {})
  scheduler.every('3s', () => sleep(wrong ? 600_000 : 200), { name: 'reconcile' })
  scheduler.every('10s', () => sleep(12), { name: 'heartbeat' })
  scheduler.cron('0 * * * *', () => sleep(50), { name: 'partner-feed' })
  scheduler.cron('0 5 * * MON-FRI', () => {}, { name: 'daily-report', overlap: 'queue' })
  scheduler.start()

  const storage = new MemoryStorage()
  const billing = new Coordinator({ storage, lockName: 'billing' })
  void billing.acquireLeadership()
  void billing.lock('invoice-774120')
  // A second coordinator stands for the same election, and waits for the same lock.
  const standby = new Coordinator({ storage, lockName: 'billing', name: 'standby' })
  for (const waits of [standby.waitForLeadership(), standby.lock('invoice-774120')]) {
    waits.catch(() => {})
  }
  const thumbs = new WorkerPool({ name: 'thumbs', minWorkers: 2, maxWorkers: 12 }).start()

  const shops = ['acme', 'acme', 'acme', 'globex', 'globex', 'initech', 'umbrella']
  let n = 0
  const traffic = setInterval(() => {
    n += 1
    const shop = shops[n % shops.length] as string
    for (let i = 0; i < 4; i++) api.allow(`198.51.100.${(n * 7 + i) % 200}`)
    if (wrong) {
      for (let i = 0; i < 13; i++) api.allow('203.0.113.7')
      for (let i = 0; i < 3; i++) api.allow('198.51.100.224')
      if (n % 2 === 0) api.allow('2001:db8:4c::/56')
    }
    search.allow(`user-${n % 30}`)
    if (n % 7 === 0) exports.allow(`team-${n % 4}`)
    if (n % 3 === 0) void llm.consume('model').then(({ allowed }) => allowed && llm.reportSuccess())
    if (n % 20 === 0) login.allow(`user-${n % 3}`)
    if (n % 2 === 0) {
      void receipts.put(
        { order: `order-${774_000 + n}`, shop },
        { id: `rcp-${(0x98f000 + n).toString(16)}` },
      )
    }
    void mails.put(`mail-${n}`)
    void gateway
      .call(async () => {
        if (wrong) throw withCode(new Error('connect 192.0.2.44:443'), 'ETIMEDOUT')
      })
      .catch(() => {})
    void smtp.call(async () => {})
    for (let i = 0; i < (wrong ? 3 : 1); i++) void thumbs.submit(() => sleep(wrong ? 200 : 60))
  }, 100)
  return {
    parts: {
      limiters: [api, login, search, uploads, exports, llm],
      queues: [receipts, mails, imports],
      breakers: [gateway, smtp, crm],
      schedulers: [scheduler],
      coordinators: [billing, standby],
      pools: [thumbs],
    },
    trouble() {
      wrong = true
    },
    stop() {
      clearInterval(traffic)
      isolation[Symbol.dispose]()
      for (const queue of [receipts, mails, imports]) void queue.stop({ mode: 'drop', deadline: 0 })
      void scheduler.stop({ mode: 'drop', deadline: 0 })
      void standby.close()
      void billing.close()
      void thumbs.stop({ mode: 'drop', deadline: 0 })
    },
  }
}

/** An error with a code. Its stack does not say where on this machine the project is: pictures are taken of it. */
function withCode<E extends Error>(error: E, code: string): E {
  const stack = error.stack?.replaceAll(`${process.cwd()}/`, '') ?? ''
  return Object.assign(error, { code, stack })
}
