import {
  Coordinator,
  isAioFluxError,
  type Ledger,
  MemoryStorage,
  type Move,
  type RemoteLedger,
  type Rule,
  StorageDownError,
  type Verdict,
} from 'aioflux'
import { ManualClock } from 'aioflux/testing'
import { expect, it } from 'vitest'

/** Memory, as if it lay elsewhere: nothing tells when something comes free, and answers may get lost. */
class FarMemory extends MemoryStorage {
  /** What becomes of calls: done and answered, done and not answered, or not done. */
  line: 'good' | 'answers lost' | 'cut' = 'good'
  calls = 0

  override open(rule: Rule, scope: string): Ledger {
    const near = super.open(rule, scope)
    const far: RemoteLedger = {
      rule,
      scope,
      storage: { joins: () => false, runAll: () => Promise.reject(new Error('not asked for')) },
      reconfigure: () => {},
      run: async (move: Move, key: string, cost: number, extra: number): Promise<Verdict> => {
        this.calls += 1
        const down = new StorageDownError('down')
        if (this.line === 'cut') throw down
        const wait = near.reserve(
          key,
          move === 'refund' ? 0 : cost,
          move === 'refund' ? -extra : extra,
        )
        const token = near.judged.token?.() as number
        if (this.line === 'answers lost') throw down
        return { wait: move === 'refund' ? 0 : wait, remaining: 0, idleAfter: 0, token }
      },
    }
    return far as unknown as Ledger
  }
}

function two() {
  const clock = new ManualClock('1h')
  const storage = new FarMemory({ clock })
  const errors: string[] = []
  const a = new Coordinator({ storage, clock })
  a.on('error', ({ name }) => errors.push(name))
  return { clock, storage, errors, a, b: new Coordinator({ storage, clock }) }
}

it('a wait outlives an outage, and says what it waited for', async () => {
  const { clock, storage, errors, a } = two()
  storage.line = 'cut'
  const waiting = a.lock('x')
  const late = a.lock('y', { timeout: '3s' }).catch((error: Error) => error)
  await clock.advanceAsync('5s')
  expect(isAioFluxError(await late, 'WAIT_TIMEOUT')).toBe(true)
  expect(isAioFluxError(((await late) as Error).cause, 'STORAGE_DOWN')).toBe(true)
  expect(errors.filter((name) => name === 'x').length).toBeGreaterThan(3)
  storage.line = 'good'
  await clock.advanceAsync('1.1s')
  expect((await waiting).held).toBe(true)
  await a.close()
})

it('what was granted without an answer is given back by those who give up, and had by those who do not', async () => {
  const { clock, storage, a, b } = two()
  storage.line = 'answers lost'
  const patient = a.lock('x')
  const controller = new AbortController()
  const gone = a.lock('y', { signal: controller.signal }).catch((error: Error) => error.message)
  await expect(a.tryLock('z')).rejects.toThrow(StorageDownError)
  await clock.advanceAsync('1.5s')
  storage.line = 'good'
  controller.abort(new Error('enough'))
  expect(await gone).toBe('enough')
  await clock.advanceAsync('1.1s')
  expect((await patient).held).toBe(true)
  expect(await b.tryLock('x')).toBeUndefined()
  expect(await b.tryLock('y')).toBeDefined()
  expect(await b.tryLock('z')).toBeDefined()
})

it('renewals that fail are tried again within the lease, and never end the loop', async () => {
  const { clock, storage, errors, a } = two()
  const lease = await a.lock('x')
  for (let outage = 1; outage <= 3; outage++) {
    await clock.advanceAsync('3s')
    storage.line = outage === 2 ? 'answers lost' : 'cut'
    const before = errors.length
    await clock.advanceAsync('5s')
    expect(errors.length - before).toBeGreaterThanOrEqual(3)
    await expect(lease.extend()).rejects.toThrow(StorageDownError)
    expect(lease.held).toBe(true)
    storage.line = 'good'
    await clock.advanceAsync('1s')
  }
  storage.line = 'cut'
  await clock.advanceAsync('9.5s')
  expect(lease.signal.aborted).toBe(true)
  expect(await lease.release()).toBe(false)
})

it('a release that cannot be told is false, and ends by itself', async () => {
  const { clock, storage, errors, a, b } = two()
  const lease = await a.lock('x')
  storage.line = 'cut'
  expect(await lease.release()).toBe(false)
  expect(lease.held).toBe(false)
  expect(errors).toEqual(['x'])
  storage.line = 'good'
  expect(await b.tryLock('x')).toBeUndefined()
  await clock.advanceAsync('10s')
  expect(await b.tryLock('x')).toBeDefined()
})

it('what is held in this process is not asked for: those who wait are told here', async () => {
  const { clock, storage, a, b } = two()
  await a.lock('x')
  const waiting = b.lock('x', { timeout: '30s' }).catch(() => 'late')
  await clock.advanceAsync('1s')
  const before = storage.calls
  await clock.advanceAsync('9s')
  // Held in this process, so nobody has to ask: only the renewals travel.
  expect(storage.calls - before).toBeLessThanOrEqual(3)
  await a.close()
  expect(await waiting).toHaveProperty('held', true)
})
