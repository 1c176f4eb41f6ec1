import { spawnSync } from 'node:child_process'
import type { Redis } from 'ioredis'
import { expect, inject, it, vi } from 'vitest'
import { SharedDeadline, within } from '../../src/core/deadline.ts'
import { clients } from '../support/clients.ts'
import { program } from '../support/program.ts'

const forms: [string, typeof within][] = [
  ['each call by itself', within],
  ['a shared deadline', (timeout, work) => new SharedDeadline(timeout).within(work)],
]

it.each(forms)(
  '%s: an answer that arrived while the event loop was blocked is in time',
  async (_, bounded) => {
    const { client, end } = await clients.ioredis(inject('redisUrl'))
    const redis = client as unknown as Redis
    // Answers after 100 ms, in the middle of the block; the timer is due after 150 ms, and so before anything is read.
    const answer = bounded(150, redis.blpop(`none-${crypto.randomUUID()}`, 0.1))
    await new Promise((resolve) => setImmediate(resolve))
    const over = performance.now() + 300
    while (performance.now() < over);
    expect(await answer).toBeNull()
    end()
  },
)

it.each(forms)(
  '%s: no answer is an outage, and says how long it was awaited',
  async (_, bounded) => {
    const { client, end } = await clients.ioredis(inject('redisUrl'))
    const redis = client as unknown as Redis
    const answer = bounded(50, redis.blpop(`none-${crypto.randomUUID()}`, 60))
    await expect(answer).rejects.toThrow('the storage did not answer within 50 ms')
    end()
  },
)

it('of many calls, those are late that are', async () => {
  const deadline = new SharedDeadline(60)
  const settled: string[] = []
  const after = (name: string, ms: number) => {
    const work = new Promise<string>((resolve) => setTimeout(resolve, ms, name))
    return deadline.within(work).then(
      () => settled.push(name),
      () => settled.push(`${name} late`),
    )
  }
  const never = new Promise<string>(() => {})
  await Promise.all([
    after('a', 10),
    after('b', 10_000),
    after('c', 5),
    deadline.within(never).catch(() => settled.push('d late')),
    after('e', 20),
  ])
  expect(settled).toEqual(['c', 'a', 'e', 'b late', 'd late'])
  // The next one has its own time, though the timer of the others has rung.
  await Promise.all([after('f', 10), after('g', 10_000)])
  expect(settled.slice(5)).toEqual(['f', 'g late'])
  await expect(deadline.within(Promise.reject(new Error('no')))).rejects.toThrow('no')
})

it('thousands of calls that overtake each other are all answered, and one that is not is late', async () => {
  const deadline = new SharedDeadline(150)
  const stuck = expect(deadline.within(new Promise(() => {}))).rejects.toThrow(
    'the storage did not answer within 150 ms',
  )
  const answers = Array.from({ length: 5000 }, (_, i) =>
    deadline.within(new Promise((resolve) => setTimeout(resolve, i % 7, i))),
  )
  expect(await Promise.all(answers)).toEqual(Array.from({ length: 5000 }, (_, i) => i))
  await stuck
})

it('keeps a process alive while an answer is awaited, and no longer', async () => {
  const url = new URL('../../src/core/deadline.ts', import.meta.url)
  using ends = program(`
    import { SharedDeadline } from ${JSON.stringify(String(url))}
    const deadline = new SharedDeadline(300)
    await deadline.within(Promise.resolve(1))
    await deadline.within(new Promise(() => {})).catch((error) => console.log(error.code))
    const long = new SharedDeadline(20_000)
    await long.within(Promise.resolve(2))
    console.log('ends')
  `)
  const run = spawnSync(process.execPath, ends.args, { encoding: 'utf8', timeout: 15_000 })
  expect(run.stdout).toBe('STORAGE_DOWN\nends\n')
  expect(run.signal).toBeNull()
}, 20_000)

it('a call that comes when another one is late lets those before it be late in time', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
  try {
    const deadline = new SharedDeadline(100)
    const late: string[] = []
    const ask = (name: string) => {
      deadline.within(new Promise<never>(() => {})).catch(() => late.push(name))
    }
    const pass = async (ms: number) => {
      vi.advanceTimersByTime(ms)
      for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve))
    }
    ask('a')
    await pass(50)
    ask('b')
    // In the same turn as the timer of the deadline, and after it.
    setTimeout(ask, 50, 'c')
    await pass(50)
    expect(late).toEqual(['a'])
    await pass(50)
    expect(late).toEqual(['a', 'b'])
    await pass(50)
    expect(late).toEqual(['a', 'b', 'c'])
  } finally {
    vi.useRealTimers()
  }
})
