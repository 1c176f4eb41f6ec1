import { QueueFactory } from 'aioflux'
import { RedisStorage } from 'aioflux/redis'
import { clients, type Library } from '../../support/clients.ts'
import { task, tell } from './worker.ts'

export interface MemberTask {
  url: string
  library: Library
  prefix: string
  lease: '500ms'
}

const { url, library, prefix, lease } = task<MemberTask>()
const { client } = await clients[library](url)
const storage = new RedisStorage({ client, prefix })
const group = QueueFactory.broadcast<number>({ name: 'b', storage, lease }).subscribe({
  group: 'g',
})
await group.ready
tell({ ready: true })
for await (const item of group) tell({ item })
