import { Agent, get } from 'node:http'
import { type Adaptive, type AdaptivePermits, LimiterFactory } from 'aioflux'
import { RedisStorage } from 'aioflux/redis'
import { clients, type Library } from '../../support/clients.ts'
import { sleep } from '../../support/time.ts'
import { LIMITS, RATES, TTL } from './bounds.ts'
import { task, tell, told } from './worker.ts'

export interface AdaptersTask {
  url: string
  library: Library
  prefix: string
  kind: 'rate' | 'concurrency'
  /** Of the server whose capacity nobody tells. */
  backend: string
  callers: number
}

/** Since the last report. */
export interface AdaptersReport {
  /** What the server did for this process. */
  served: number
  /** The lowest and the highest that was learnt. */
  least: number
  most: number
  /** The mean. */
  learnt: number
  /** Of what no storage decided, let through. */
  unasked: number
  /** Calls that rejected. */
  failed: number
}

const { url, library, prefix, kind, backend, callers } = task<AdaptersTask>()
const { client } = await clients[library](url)
const storage = new RedisStorage({ client, prefix, timeout: 0.2 })
const agent = new Agent({ keepAlive: true, maxSockets: Infinity })
const common = { storage, scope: 'fleet' } as const
const rate: Adaptive = LimiterFactory.adaptive({
  ...RATES,
  increaseStep: 2,
  decreaseFactor: 0.92,
  errorThreshold: 0.02,
  window: '250ms',
  classes: { batch: 0.9 },
  ...common,
})
const permits: AdaptivePermits = LimiterFactory.adaptiveConcurrency({
  ...LIMITS,
  ttl: TTL / 1000,
  window: '250ms',
  classes: { batch: 0.9 },
  ...common,
})
const learnt = () => (kind === 'rate' ? rate.currentRate : permits.currentLimit)

const fresh = () => ({
  served: 0,
  least: Infinity,
  most: 0,
  sum: 0,
  samples: 0,
  unasked: 0,
  failed: 0,
})
let counted = fresh()

/** Asks the server; was it done? */
function served(): Promise<boolean> {
  return new Promise((resolve, reject) => {
    get(backend, { agent }, (response) => {
      response.resume()
      response.on('end', () => resolve(response.statusCode === 200))
    }).on('error', reject)
  })
}

/** Half of the callers are of a class. */
const classOf = (i: number) => (i % 2 === 0 ? { class: 'batch' } : {})

async function callByRate(i: number): Promise<void> {
  const { allowed, degraded } = await rate.consume('', classOf(i))
  // At random: processes of one rhythm would find the same one before them each time.
  if (!allowed) return sleep(15 + 20 * Math.random())
  if (degraded) counted.unasked += 1
  if (await served()) {
    counted.served += 1
    rate.reportSuccess()
  } else rate.reportError()
}

async function callByPermit(i: number): Promise<void> {
  await permits.schedule('', served, { timeout: 1, ...classOf(i) })
  counted.served += 1
}

tell({ ready: true })
await told()
for (let i = 0; i < callers; i++) {
  void (async () => {
    for (;;) {
      try {
        await (kind === 'rate' ? callByRate(i) : callByPermit(i))
      } catch {
        counted.failed += 1
        await sleep(20)
      }
    }
  })()
}
setInterval(() => {
  const now = learnt()
  counted.least = Math.min(counted.least, now)
  counted.most = Math.max(counted.most, now)
  counted.sum += now
  counted.samples += 1
}, 20)
for (;;) {
  await told()
  const { sum, samples, ...rest } = counted
  tell({ ...rest, learnt: sum / samples } satisfies AdaptersReport)
  counted = fresh()
}
