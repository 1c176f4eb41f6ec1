import { QueueFactory, type SharedQueue, type StopReport } from 'aioflux'
import { RedisStorage } from 'aioflux/redis'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { clients, libraries, type OpenClient } from '../../support/clients.ts'
import { until } from '../../support/until.ts'

describe.each(libraries)('a handler that stops its own durable queue, by %s', (library) => {
  let open: OpenClient
  let storage: RedisStorage
  beforeAll(async () => {
    open = await clients[library](inject('redisUrl'))
    storage = new RedisStorage({ client: open.client, prefix: `inside-${crypto.randomUUID()}` })
  })
  afterAll(async () => {
    await storage.close()
    open.end()
  })

  const turn = () => new Promise((resolve) => setImmediate(resolve))

  it.each([
    ['at once', false],
    ['after an await', true],
  ] as const)('gets the report %s, and its job completes', async (name, late) => {
    let queue: SharedQueue<number, unknown>
    const others: number[] = []
    const reports: StopReport<number>[] = []
    const handler = async (item: number) => {
      if (item > 1) {
        await turn()
        others.push(item)
        return item
      }
      if (late) await turn()
      reports.push(await queue.stop())
      return 'stopped'
    }
    const base = { name, storage, keep: { completed: { count: 10 } } }
    queue = QueueFactory.fifo<number, unknown>({ ...base, workers: 2, handler })
    await queue.start()
    await queue.putMany([1, 2, 3, 4], (_, i) => ({ id: String(i + 1) }))
    const [report] = await until('the report', () => (reports.length > 0 ? reports : undefined))
    expect(report?.stillRunning).toEqual([{ id: '1', item: 1 }])
    expect(report?.completed).toBe(others.length)
    await expect(queue.put(5)).rejects.toMatchObject({ code: 'CLOSED' })
    expect(await queue.stop()).toBe(report)

    const looking = QueueFactory.fifo<number, unknown>(base)
    await until('the end of its job', async () =>
      (await looking.job('1'))?.state === 'completed' ? true : undefined,
    )
    expect((await looking.job('1'))?.result).toBe('stopped')
    expect(await looking.counts()).toMatchObject({ running: 0, waiting: 3 - others.length })
    await looking.stop()
  })

  it('of a batch: the whole batch goes on', async () => {
    let queue: SharedQueue<number, unknown>
    const batchFn = async (items: number[]) => {
      await turn()
      const { stillRunning } = await queue.stop()
      return items.map(() => stillRunning.length)
    }
    const base = { name: 'batch', storage, keep: { completed: { count: 10 } } }
    queue = QueueFactory.fifo<number, unknown>({ ...base, batchSize: 3, batchFn })
    await queue.putMany([1, 2, 3], (_, i) => ({ id: String(i + 1) }))
    await queue.start()
    const looking = QueueFactory.fifo<number, unknown>(base)
    await until('its end', async () =>
      (await looking.counts()).completed === 3 ? true : undefined,
    )
    expect((await looking.job('2'))?.result).toBe(3)
    await looking.stop()
  })

  it('is aborted at the deadline like any other', async () => {
    let queue: SharedQueue<number, unknown>
    const reports: StopReport<number>[] = []
    const base = { name: 'deadline', storage }
    queue = QueueFactory.fifo<number, unknown>({
      ...base,
      workers: 2,
      handler: async (item, { signal }) => {
        if (item === 1) reports.push(await queue.stop({ deadline: '20ms' }))
        else await new Promise((_, reject) => signal.addEventListener('abort', reject))
      },
    })
    await queue.putMany([2, 1])
    await queue.start()
    const [report] = await until('the report', () => (reports.length > 0 ? reports : undefined))
    const listed = [...(report?.aborted ?? []), ...(report?.stillRunning ?? [])]
    expect(listed.map(({ item }) => item).sort()).toEqual([1, 2])
    const looking = QueueFactory.fifo<number, unknown>(base)
    expect(await looking.counts()).toMatchObject({ running: 0, waiting: 2 })
    await looking.stop()
  })
})
