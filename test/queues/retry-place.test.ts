import { QueueFactory } from 'aioflux'
import { ManualClock } from 'aioflux/testing'
import { describe, expect, it } from 'vitest'

const kinds = {
  fifo: {},
  priority: { priorityFn: () => 1 },
  delay: {},
  'fifo in groups': { group: () => 'g' },
}

describe('a job that is tried again has its old place when it is due', () => {
  it.each(Object.keys(kinds) as (keyof typeof kinds)[])('%s', async (kind) => {
    const clock = new ManualClock()
    const begun: string[] = []
    let goOn = () => {}
    const waiting = new Promise<void>((resolve) => {
      goOn = resolve
    })
    const make = QueueFactory[kind.split(' ')[0] as 'fifo'] as typeof QueueFactory.fifo
    const queue = make<string>({
      clock,
      retry: { attempts: 2, backoff: 1 },
      handler: async (item, { attempt }) => {
        begun.push(item)
        if (item === 'a' && attempt === 1) throw new Error('again')
        if (item === 'b') await waiting
      },
      ...(kinds[kind] as object),
    }).start()
    for (const item of ['a', 'b', 'c', 'd']) await queue.put(item)
    await expect.poll(() => begun).toEqual(['a', 'b'])
    clock.advance('1s')
    goOn()
    await queue.onIdle()
    expect(begun).toEqual(['a', 'b', 'a', 'c', 'd'])
    await queue.stop()
  })
})
