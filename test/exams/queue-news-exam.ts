import type { FifoOptions, Queue } from 'aioflux'
import { expect, it } from 'vitest'

type Told = Queue<string, string>

/** In which order a queue tells what happens to a job, wherever the jobs are kept. */
export function queueNewsExam(make: (options: FifoOptions<string, string>) => Told): void {
  const never = () => new Promise<string>(() => {})
  const listen = (queue: Told) => {
    const news: string[] = []
    for (const event of ['timeout', 'retry', 'failed'] as const) {
      queue.on(event, () => void news.push(event))
    }
    return news
  }
  const terms = { timeout: '5ms', onTimeout: 'release', deadLetter: () => {} } as const

  it.each(['handler', 'batchFn'] as const)(
    'news: timeout is told before what comes of it: %s',
    async (work) => {
      const batch = {
        batchFn: () => new Promise<string[]>(() => {}),
        batchSize: 2,
        batchTimeout: 0,
      }
      const how = work === 'handler' ? { handler: never } : batch
      const queue = make({ ...terms, ...how, retry: { attempts: 2, backoff: 0 } })
      const news = listen(queue)
      await queue.start()
      const { result } = await queue.put('a')
      await expect(result).rejects.toThrow()
      expect(news).toEqual(['timeout', 'retry', 'timeout', 'failed'])
      await queue.stop({ deadline: 0 })
    },
  )
}
