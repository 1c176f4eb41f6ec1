import type { Queue, QueueOptions } from 'aioflux'
import { expect, it } from 'vitest'

type Stopped = Queue<string, string>

/** What a queue answers while it stops and when it has stopped, wherever the jobs are kept. */
export function queueStoppedExam(make: (options: QueueOptions<string, string>) => Stopped): void {
  const closed = { code: 'CLOSED' }
  /** A queue whose only job runs until `end` is called. */
  const working = async () => {
    let end = () => {}
    let begun = () => {}
    const running = new Promise<void>((resolve) => {
      begun = resolve
    })
    const ended = new Promise<string>((resolve) => {
      end = () => resolve('done')
    })
    const handler = () => {
      begun()
      return ended
    }
    const queue = make({ handler })
    await queue.start()
    await queue.put('a')
    await running
    return { queue, end }
  }

  it('stopped: onIdle resolves where nothing waits and nothing runs', async () => {
    const queue = make({ handler: () => 'done' })
    await queue.start()
    await queue.submit('a')
    await queue.stop()
    await queue.onIdle()
    await queue.onIdle({ timeout: 0 })
  })

  it('stopped: an onIdle that waits meanwhile resolves when the last job has ended', async () => {
    const { queue, end } = await working()
    const before = queue.onIdle()
    const stopped = queue.stop()
    const during = queue.onIdle()
    end()
    await Promise.all([before, during, stopped])
    expect(queue.stats().completed).toBe(1)
  })

  it('stopped: onIdle rejects where a job still runs', async () => {
    const { queue, end } = await working()
    const before = queue.onIdle()
    const stopped = queue.stop({ deadline: '10ms' })
    await expect(before).rejects.toMatchObject(closed)
    await stopped
    await expect(queue.onIdle()).rejects.toMatchObject(closed)
    end()
  })

  it('stopped: redrive rejects', async () => {
    const queue = make({ keep: { dead: '1h' }, deadLetter: () => {} })
    await queue.put('a', { id: 'a' })
    const [claim] = await queue.claim()
    await claim?.fail(new Error('broken'))
    await queue.stop()
    await expect(queue.redrive()).rejects.toMatchObject(closed)
    expect(await queue.job('a')).toMatchObject({ state: 'dead' })
  })
}
