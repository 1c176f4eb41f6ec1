import { createLimiter } from 'aioflux'
import { type IoredisLike, RedisStorage } from 'aioflux/redis'
import { clients } from '../../support/clients.ts'
import { machineTime } from '../../support/time.ts'
import { type LineName, lines } from './lines.ts'
import { task, tell } from './worker.ts'

export interface WaitersTask {
  url: string
  prefix: string
  line: LineName
}

/** What a process of waiters is told: let somebody get in line, or lose patience. */
export type Order = { start: number } | { abort: number }

/** And what it tells. */
export type News =
  /** The server has given a place. */
  | { reserved: number; sent: number; received: number }
  | { granted: number; at: number }
  | { refused: number; why: string }

const { url, prefix, line } = task<WaitersTask>()
const { client, end } = await clients.ioredis(url)
process.on('exit', end)
const { evalsha, eval: evaluate } = client as IoredisLike
let starting: number | undefined
let sent = 0
const noted =
  (ask: IoredisLike['eval']): IoredisLike['eval'] =>
  async (...args) => {
    const reply = await ask.call(client, ...args)
    if (starting !== undefined) {
      tell({ reserved: starting, sent, received: machineTime() } satisfies News)
      starting = undefined
    }
    return reply
  }
const storage = new RedisStorage({
  client: { evalsha: noted(evalsha), eval: noted(evaluate) },
  prefix,
})
const limiter = createLimiter(lines[line].rule, { storage, scope: line })
const patience = new Map<number, AbortController>()
await limiter.peek('warm')

process.on('message', async (order: Order) => {
  if ('abort' in order) {
    patience.get(order.abort)?.abort(new Error('no more patience'))
    return
  }
  const { start } = order
  const controller = new AbortController()
  patience.set(start, controller)
  starting = start
  sent = machineTime()
  try {
    await limiter.wait('line', { signal: controller.signal })
    tell({ granted: start, at: machineTime() } satisfies News)
  } catch (error) {
    tell({ refused: start, why: String(error) } satisfies News)
  }
})
tell({ ready: true })
