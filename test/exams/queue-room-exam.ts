import type { DedupeOptions, Queue } from 'aioflux'
import { expect, it } from 'vitest'
import { until } from '../support/until.ts'

type Filled = Queue<string, string>
type Options = DedupeOptions<string, string>

/** A put that waits for room can leave, wherever the jobs are kept. `make` makes a queue of plain items where no `mode` is given. */
export function queueRoomExam(make: (options: Options) => Filled): void {
  const puts: Readonly<Record<string, (queue: Filled, signal: AbortSignal) => Promise<unknown>>> = {
    put: (queue, signal) => queue.put('late', { signal }),
    submit: (queue, signal) => queue.submit('late', { signal }),
    putMany: (queue, signal) => queue.putMany(['late'], { signal }),
  }
  const modes = [undefined, 'ttl', 'pending', 'coalesce', 'latest'] as const

  it.each(modes.flatMap((mode) => Object.keys(puts).map((verb) => [verb, mode] as const)))(
    'room: %s rejects with the reason of its signal, and makes no job (mode %s)',
    async (verb, mode) => {
      const queue = make({ maxSize: 1, ...(mode !== undefined && { mode }) })
      await queue.put('first')
      const leaving = new AbortController()
      const waits = puts[verb]?.(queue, leaving.signal) as Promise<unknown>
      await until('it waits', () => queue.stats().offered === 1)
      const why = new Error('enough')
      leaving.abort(why)
      await expect(waits).rejects.toBe(why)
      expect(await queue.get()).toBe('first')
      expect(await queue.size()).toBe(0)
      // Nothing is left of it: not the item, nor its key.
      const again = await queue.put('late')
      expect(again.state).toBe('waiting')
      expect(await queue.get()).toBe('late')
    },
  )

  it('room: a put whose signal has aborted before rejects with its reason, though there is room', async () => {
    const queue = make({ maxSize: 1 })
    const why = new Error('enough')
    for (const put of Object.values(puts)) {
      await expect(put(queue, AbortSignal.abort(why))).rejects.toBe(why)
    }
    expect(await queue.size()).toBe(0)
  })
}
