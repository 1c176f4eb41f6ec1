import {
  type Clock,
  createLimiter,
  LimiterFactory,
  type LimiterStorage,
  MemoryStorage,
  type Move,
  type RemoteLedger,
  type Rule,
  remoteLimiters,
  type State,
  type Storage,
  tokenBucket,
  type Verdict,
} from 'aioflux'
import { ManualClock, storageExam } from 'aioflux/testing'
import { describe, expect, it } from 'vitest'

/** What somebody who has a database of his own would write: states by name, moved by their rule, answered later. */
class OwnStorage extends MemoryStorage implements LimiterStorage {
  readonly limiters = remoteLimiters
  readonly #states = new Map<string, Map<string, State>>()
  readonly #blocks = new Map<string, number>()

  override open(rule: Rule, scope: string): never {
    const name = JSON.stringify([rule.kind, scope])
    const states = this.#states.get(name) ?? new Map<string, State>()
    this.#states.set(name, states)
    const ledger: RemoteLedger & { rule: Rule } = {
      rule,
      scope,
      storage: { joins: () => false, runAll: () => Promise.reject(new Error('not asked for')) },
      run: async (move, key, cost, extra) => {
        await Promise.resolve()
        return this.#move(ledger.rule, states, name, move, key, cost, extra)
      },
      reconfigure: (changed) => {
        ledger.rule = changed
      },
    }
    return ledger as never
  }

  #move(
    rule: Rule,
    states: Map<string, State>,
    name: string,
    move: Move,
    key: string,
    cost: number,
    extra: number,
  ): Verdict {
    const now = Math.round(this.clock.now() * 1000)
    const state = states.get(key) ?? rule.fresh(now)
    const block = `${name} ${key}`
    const blocked = (this.#blocks.get(block) ?? now) - now
    let wait = 0
    if (move === 'block') this.#blocks.set(block, now + extra)
    else if (move === 'refund') rule.refund(state, now, cost, now + extra)
    else if (move === 'reset') {
      this.#blocks.delete(block)
      states.delete(key)
    } else {
      const asked = move === 'peek' ? [...state] : state
      wait = blocked > 0 ? -blocked : rule.reserve(asked, now, cost, extra)
      if (move === 'reserve' && wait >= 0) states.set(key, state)
    }
    return { wait, remaining: rule.remaining(state, now), idleAfter: rule.idleAfter(state, now) }
  }
}

describe('a storage of my own that answers later', () => {
  const exam = storageExam(() => {
    const clock = new ManualClock('1h')
    const advance = (duration: string | number) => clock.advanceAsync(duration as '1s')
    return { storage: new OwnStorage({ clock }), clock, advance }
  })
  for (const law of exam) it(law.name, () => law.run())

  it('has permits that are leases', async () => {
    const clock = new ManualClock('1h')
    const options = {
      limit: 1,
      ttl: '3s',
      storage: new OwnStorage({ clock }) as LimiterStorage,
    } as const
    const a = LimiterFactory.concurrency({ ...options, clock })
    const b = LimiterFactory.concurrency({ ...options, clock })
    const permit = await a.tryPermit('door')
    expect(permit?.released).toBe(false)
    expect(await b.tryPermit('door')).toBeUndefined()
    permit?.release()
    await clock.advanceAsync('1ms')
    expect(await b.acquire('door')).toBe(true)
    await Promise.all([a.close(), b.close()])
  })

  it('is told what it lacks where it has no limiters', () => {
    const { open } = new OwnStorage()
    const storage: Storage = Object.assign(new MemoryStorage(), {
      open: (rule: Rule, scope: string, _clock?: Clock) => open.call(new OwnStorage(), rule, scope),
    })
    const refusal = 'storage must be one in memory, or have limiters for its kind'
    expect(() => createLimiter(tokenBucket({ rate: 1 }), { storage })).toThrow(refusal)
  })

  it('keeps an adaptive limiter at its rate where it knows no reports', async () => {
    const limiter = LimiterFactory.adaptive({ storage: new OwnStorage(), initialRate: 50 })
    for (let i = 0; i < 40; i++) {
      await limiter.acquire()
      limiter.reportError()
    }
    await limiter.peek()
    expect(limiter.currentRate).toBe(50)
  })

  it('has the options checked that are about its failures', () => {
    const storage = new OwnStorage()
    const rule = tokenBucket({ rate: 1 })
    expect(() => createLimiter(rule, { storage, onStorageError: 'maybe' as never })).toThrow(
      /^onStorageError must be one of 'deny', 'allow', 'local', 'throw', got 'maybe'/,
    )
    expect(() => createLimiter(rule, { storage, storageTimeout: -1 })).toThrow(
      /^storageTimeout must/,
    )
    const permits = { limit: 1, storage: storage as LimiterStorage }
    expect(() =>
      LimiterFactory.concurrency({ ...permits, onStorageError: 'maybe' as never }),
    ).toThrow(/^onStorageError must/)
  })
})
