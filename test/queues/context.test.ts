import { AsyncLocalStorage } from 'node:async_hooks'
import { type Job, QueueFactory } from 'aioflux'
import { beforeEach, describe, expect, it } from 'vitest'

const turn = () => new Promise((resolve) => setImmediate(resolve))

describe('the context of a put', () => {
  const storage = new AsyncLocalStorage<string>()
  let seen: string[]
  beforeEach(() => {
    seen = []
  })

  const see = (item: string) => seen.push(`${item}:${storage.getStore()}`)
  const within = <R>(context: string, run: () => R): R => storage.run(context, run)

  it('follows the job, put at once or waiting, and through a retry', async () => {
    const queue = QueueFactory.fifo({
      retry: { attempts: 2, backoff: 0 },
      handler: async (item: string, { attempt }) => {
        await turn()
        see(item)
        if (attempt === 1 && item === 'c') throw new Error('again')
      },
    }).start()
    const results = ['a', 'b', 'c'].map((item) => within(`for ${item}`, () => queue.submit(item)))
    results.push(queue.submit('d'))
    await Promise.all(results)
    expect(seen).toEqual(['a:for a', 'b:for b', 'c:for c', 'c:for c', 'd:undefined'])
  })

  it('is not that of the caller that lets the job begin', async () => {
    const queue = QueueFactory.fifo({ workers: 1, handler: async (item: string) => see(item) })
    const results = [queue.submit('a'), within('for b', () => queue.submit('b')), queue.submit('c')]
    within('starter', () => queue.start())
    await Promise.all(results)
    queue.pause()
    results.push(queue.submit('d'))
    within('resumer', () => queue.resume())
    await Promise.all(results)
    expect(seen).toEqual(['a:undefined', 'b:for b', 'c:undefined', 'd:undefined'])
  })

  // A resource that is made inside of `exit` has the context that was left, under Deno.
  it.skipIf('Deno' in globalThis)(
    'is not that of the handler that put it, once that one has left its context',
    async () => {
      const jobs: Promise<Job>[] = []
      const queue = QueueFactory.fifo({
        handler: async (item: string) => {
          see(item)
          if (item === 'a')
            jobs.push(
              queue.put('b'),
              storage.exit(() => queue.put('c')),
            )
        },
      }).start()
      await within('for a', () => queue.submit('a'))
      for (const job of jobs) await (await job).result
      expect(seen).toEqual(['a:for a', 'b:for a', 'c:undefined'])
    },
  )
})
