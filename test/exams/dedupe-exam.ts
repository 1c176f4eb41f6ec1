import { isAioFluxError, QueueFactory, type Storage } from 'aioflux'
import { expect, it, vi } from 'vitest'
import { ManualClock } from '../../src/testing/manual-clock.ts'

/** What dedupe over a storage must hold to: two queues, as if in two processes, that share `make`'s storage. */
export function dedupeExam(make: (clock: ManualClock) => Storage | Promise<Storage>): void {
  const two = async () => {
    const clock = new ManualClock('1h')
    const runs: string[] = []
    const scope = crypto.randomUUID()
    const storage = await make(clock)
    const queue = (name: string) =>
      QueueFactory.dedupe<string | number, string>({
        clock,
        storage,
        scope,
        ttl: '10s',
        workers: 10,
        handler: (item) => {
          runs.push(`${name}${item}`)
          if (item === 'bad') throw new Error('bad')
          return `${name} did ${item}`
        },
      }).start()
    return { clock, runs, a: queue('a'), b: queue('b') }
  }

  it('takes an item once within ttl, whoever gets it, and again after that', async () => {
    const { clock, runs, a, b } = await two()
    const jobs = await Promise.all([a.put('x'), b.put('x'), a.put('x'), b.put('y')])
    expect(jobs.map(({ state }) => state)).toEqual([
      'completed',
      'duplicate',
      'duplicate',
      'completed',
    ])
    expect(await jobs[2]?.result).toBe('a did x')
    const elsewhere = await jobs[1]?.result.catch((error: unknown) => error)
    expect(isAioFluxError(elsewhere, 'JOB_DROPPED')).toBe(true)
    clock.advance('9.9s')
    expect((await b.put('x')).state).toBe('duplicate')
    clock.advance('0.1s')
    expect(await b.submit('x')).toBe('b did x')
    expect(runs).toEqual(['ax', 'by', 'bx'])
  })

  it('one of a hundred at once', async () => {
    const { runs, a, b } = await two()
    const puts = Array.from({ length: 100 }, (_, i) => (i % 2 === 0 ? a : b).put('x'))
    const states = (await Promise.all(puts)).map(({ state }) => state)
    expect(states.filter((state) => state === 'completed')).toHaveLength(1)
    expect(runs).toHaveLength(1)
  })

  it('frees the key of what failed, was called off, or never got in', async () => {
    const { runs, a, b } = await two()
    a.on('failed', () => {})
    const told = vi.spyOn(console, 'error')
    await expect(a.submit('bad')).rejects.toThrow('bad')
    await expect.poll(() => b.submit('bad').catch((error: Error) => error.message)).toBe('bad')
    expect(runs).toEqual(['abad', 'bbad'])
    // Nobody listens to b's 'failed', but somebody has the result.
    expect(told).not.toHaveBeenCalled()
    const waiting = await a.put('x', { delay: '1h' })
    expect((await b.put('x')).state).toBe('duplicate')
    waiting.cancel()
    await expect.poll(async () => (await b.put('x')).state).toBe('completed')
    await a.stop()
    await expect(a.put('z')).rejects.toMatchObject({ code: 'CLOSED' })
    await expect.poll(async () => (await b.put('z')).state).toBe('completed')
  })

  it("tells 1 from '1', and what cannot be told", async () => {
    const { a, b } = await two()
    expect((await a.put(1)).state).toBe('completed')
    expect((await b.put('1')).state).toBe('completed')
    expect((await b.put(1)).state).toBe('duplicate')
    await expect(a.put(Symbol('s') as never)).rejects.toThrow(/key must be.*got a symbol/)
  })
}
