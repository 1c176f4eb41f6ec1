import { Coordinator } from 'aioflux'
import { RedisStorage } from 'aioflux/redis'
import { clients, type Library } from '../../support/clients.ts'
import { sleep } from '../../support/time.ts'
import { task, tell, told } from './worker.ts'

export interface CountersTask {
  url: string
  library: Library
  prefix: string
  ttl: number
}

/** What it asks of whoever keeps the file, with its fence. */
export type FileRequest = { read: number } | { write: number; fence: number }
export interface FileReply {
  value: number
}

const { url, library, prefix, ttl } = task<CountersTask>()
const { client } = await clients[library](url)
const coordinator = new Coordinator({
  storage: new RedisStorage({ client, prefix }),
  ttl: ttl / 1000,
})
tell({ ready: true })
await told()
for (;;) {
  const lease = await coordinator.lock('file')
  const reply = told<FileReply>()
  tell({ read: lease.token } satisfies FileRequest)
  const { value } = await reply
  await sleep(Math.random() * 6)
  // As somebody who forgets to ask whether he still holds it.
  const written = told<FileReply>()
  tell({ write: value + 1, fence: lease.token } satisfies FileRequest)
  await written
  await lease.release()
}
