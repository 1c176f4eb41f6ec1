import { backoff, CircuitBreaker, QueueFactory } from 'aioflux'
import { afterEach, describe, expect, it, vi } from 'vitest'

// A promise passes for true, whatever comes of it; and one that rejects ends a process where nothing waits for it.
const answers = [
  ['resolves', async () => false],
  ['rejects', () => Promise.reject(new Error('of the answer'))],
  // biome-ignore lint/suspicious/noThenProperty: as databases make them.
  ['is a thenable', () => ({ then: () => expect.unreachable('begun by nothing') })],
] as const

afterEach(() => vi.restoreAllMocks())

describe.each(answers)('what answers yes or no with a promise that %s', (_, answer) => {
  const ask = answer as never
  const refused = (option: string) => ({ code: 'INVALID_OPTION', option })
  const broken = async () => {
    throw new Error('broken')
  }

  it('retryIf of backoff', async () => {
    const fn = vi.fn(broken)
    const call = backoff(fn, { baseDelay: 0, retryIf: ask })
    await expect(call).rejects.toMatchObject(refused('backoff.retryIf'))
    expect(fn).toHaveBeenCalledTimes(1)
  })

  it('retryIf of a queue', async () => {
    const retry = { attempts: 3, backoff: 0, retryIf: ask }
    const queue = QueueFactory.fifo<string>({ handler: broken, retry }).start()
    const errors: unknown[] = []
    queue.on('error', ({ error }) => void errors.push(error))
    queue.on('failed', () => {})
    const { result } = await queue.put('a')
    await expect(result).rejects.toThrow('broken')
    expect(errors).toMatchObject([refused('retry.retryIf')])
    await queue.stop()
  })

  it.each(['expectedError', 'ignoredError', 'failedResult'])('%s of a breaker', async (option) => {
    const breaker = new CircuitBreaker({ [option]: ask })
    const fn = option === 'failedResult' ? async () => 'a' : broken
    await expect(breaker.call(fn)).rejects.toMatchObject(refused(option))
  })

  it('filter of a subscriber', async () => {
    const complaints: unknown[] = []
    vi.spyOn(console, 'error').mockImplementation((_text, error) => void complaints.push(error))
    const broadcast = QueueFactory.broadcast<string>()
    const subscription = broadcast.subscribe({ filter: ask })
    expect(await broadcast.put('a')).toEqual({ delivered: 0, dropped: 0 })
    expect(complaints).toMatchObject([refused('filter')])
    subscription.unsubscribe()
  })
})

it('what backoff is told by retryIf may be anything that passes for yes or no', async () => {
  const fn = vi.fn(async () => Promise.reject(new Error('broken')))
  const answered = ['yes', undefined]
  const call = backoff(fn, { baseDelay: 0, retryIf: () => answered.shift() as never })
  await expect(call).rejects.toThrow('broken')
  expect(fn).toHaveBeenCalledTimes(2)
})
