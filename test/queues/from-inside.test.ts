import { type PutOptions, QueueFactory } from 'aioflux'
import { describe, expect, it } from 'vitest'

const turns = async (count = 20) => {
  for (let i = 0; i < count; i++) await new Promise<void>((resolve) => setImmediate(resolve))
}

describe('a listener that calls off the job for which another is dropped', () => {
  const ways: Record<string, (queue: { cancel: Call; remove: Call }, abort: () => void) => void> = {
    'by its id': (queue) => void queue.cancel('new'),
    'by remove': (queue) => void queue.remove('new'),
    'by its signal': (_, abort) => abort(),
  }
  type Call = (id: string) => Promise<boolean>

  it.each(Object.entries(ways))('%s', async (_, callOff) => {
    const kinds = [
      QueueFactory.fifo,
      QueueFactory.priority,
      QueueFactory.delay,
      QueueFactory.dedupe,
    ]
    for (const make of kinds as (typeof QueueFactory.fifo)[]) {
      for (const how of ['put', 'submit', 'offer'] as const) {
        const ran: string[] = []
        const controller = new AbortController()
        const queue = make<string, void>({
          maxSize: 1,
          overflow: 'drop-oldest',
          handler: (item) => void ran.push(item),
        })
        queue.on('dropped', () => callOff(queue, () => controller.abort(new Error('called off'))))
        await queue.put('old')
        const options: PutOptions = { id: 'new', signal: controller.signal }
        const ended = Promise.resolve(queue[how]('new', options)).then(
          (told) => (typeof told === 'object' ? told.state : told),
          () => 'rejected',
        )
        await turns()
        expect(queue.size(), how).toBe(0)
        queue.start()
        await turns()
        expect(ran, how).toEqual([])
        if (how === 'put') expect(['cancelled', 'dropped']).toContain(await ended)
        if (how === 'submit') expect(await ended).toBe('rejected')
        await queue.stop()
      }
    }
  })
})
