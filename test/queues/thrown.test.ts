import { afterEach, expect, it, vi } from 'vitest'
import { QueueFactory } from '../../src/index.ts'
import { thrown } from '../support/thrown.ts'

afterEach(() => vi.restoreAllMocks())

it.each(thrown)('%s fails its job, and can be looked at', async (_, make) => {
  const error = make()
  const queue = QueueFactory.fifo<string>({
    retry: { attempts: 2, backoff: 0 },
    keep: { dead: '1h' },
    handler: async () => Promise.reject(error),
  }).start()
  queue.on('failed', () => {})
  const job = await queue.put('a', { id: 'a' })
  await expect(job.result.catch((reason: unknown) => reason === error)).resolves.toBe(true)
  expect(await queue.counts()).toMatchObject({ dead: 1, failed: 1, running: 0 })
  const [death] = await queue.deadByError()
  expect(death).toMatchObject({ error: expect.any(String), count: 1 })
  const info = await queue.job('a')
  expect(info).toMatchObject({ error: { name: expect.any(String), message: death?.error } })
  expect((await queue.jobs({ state: 'dead' })).jobs).toHaveLength(1)
  expect(await queue.redrive({ error: death?.error as string })).toBe(1)
  await queue.stop()
})

it.each(thrown)(
  '%s is written to the console where nobody listens, and ends no process',
  async (_, make) => {
    const lines: unknown[] = []
    // As Node's console, which reads the stack of an error, and throws what that throws.
    vi.spyOn(console, 'error').mockImplementation((text: string, error: unknown) => {
      lines.push(text)
      void (error as Error)?.stack
    })
    const queue = QueueFactory.fifo<string>({
      handler: async () => Promise.reject(make()),
    }).start()
    queue.on('retry', () => Promise.reject(make()) as never)
    await queue.put('a')
    await queue.onIdle()
    expect(lines.at(-1)).toContain('failed, and no code listens')
  },
)
