import { Coordinator } from 'aioflux'
import { RedisStorage } from 'aioflux/redis'
import { clients, type Library } from '../../support/clients.ts'
import { machineTime } from '../../support/time.ts'
import { task, tell } from './worker.ts'

export interface HolderTask {
  url: string
  library: Library
  prefix: string
  ttl: number
}

/** What the first line of code sees that runs after the process has stood still. */
export interface AfterStall {
  stood: number
  held: boolean
  aborted: boolean
  asserted: string
  released: boolean
  token: number
}

const { url, library, prefix, ttl } = task<HolderTask>()
const { client, end } = await clients[library](url)
const coordinator = new Coordinator({
  storage: new RedisStorage({ client, prefix }),
  ttl: ttl / 1000,
})
const lease = await coordinator.lock('x')
let last = machineTime()
const ticks = setInterval(() => {
  const now = machineTime()
  const stood = now - last
  last = now
  if (stood < ttl) return
  const { held } = lease
  const { aborted } = lease.signal
  clearInterval(ticks)
  void report(stood, held, aborted)
}, 1)
tell({ ready: true })

async function report(stood: number, held: boolean, aborted: boolean): Promise<void> {
  let asserted = 'nothing'
  try {
    lease.assertHeld()
  } catch (error) {
    asserted = (error as { code: string }).code
  }
  const released = await lease.release()
  tell({ stood, held, aborted, asserted, released, token: lease.token } satisfies AfterStall)
  end()
}
