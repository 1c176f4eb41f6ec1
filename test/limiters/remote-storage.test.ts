import {
  type Clock,
  createLimiter,
  type Limiter,
  LimiterFactory,
  type LimiterOptions,
  type LimiterStorage,
  MemoryStorage,
  type Move,
  type RemoteLedger,
  type Rule,
  remoteLimiters,
  type State,
  type Storage,
  StorageDownError,
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
  /** Can it not be asked? */
  down = false

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
        if (this.down) throw new StorageDownError('no line')
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
    const refusal = 'storage must be a storage in memory, or one with limiters of its own'
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

describe("an outage under 'local'", () => {
  const kinds: Readonly<Record<string, (common: LimiterOptions) => Limiter>> = {
    bucket: (common) => LimiterFactory.tokenBucket({ rate: 5, per: '1h', ...common }),
    window: (common) => LimiterFactory.fixedWindow({ rate: 5, per: '1h', ...common }),
    permits: (common) => LimiterFactory.concurrency({ limit: 5, ttl: '1h', ...common }),
    'a composite': (common) =>
      LimiterFactory.composite(
        LimiterFactory.tokenBucket({ rate: 5, per: '1h', ...common }),
        LimiterFactory.fixedWindow({ rate: 6, per: '1h', ...common }),
      ),
    'a composite with keys of their own': (common) =>
      LimiterFactory.composite(LimiterFactory.tokenBucket({ rate: 5, per: '1h', ...common }), {
        limiter: LimiterFactory.concurrency({ limit: 6, ttl: '1h', ...common }),
        key: () => '',
      }),
  }

  function made(make: (common: LimiterOptions) => Limiter) {
    const clock = new ManualClock('1h')
    const storage = new OwnStorage({ clock })
    const limiter = make({ storage, clock, onStorageError: 'local' })
    const left = async () => (await limiter.peek('k')).remaining
    const take = async (times: number) => {
      for (let i = 0; i < times; i++) expect(await limiter.acquire('k')).toBe(true)
    }
    const isDown = async (down: boolean) => {
      storage.down = down
      await clock.advanceAsync('2s')
    }
    return { limiter, left, take, isDown }
  }

  it.each(Object.entries(kinds))(
    'what is given back goes where it was taken: %s',
    async (_, make) => {
      const { limiter, left, take, isDown } = made(make)
      await take(2)
      await isDown(true)
      await take(3)
      expect(await left()).toBe(2)
      await limiter.release('k')
      expect(await left()).toBe(3)
      await isDown(false)
      expect(await left()).toBe(3)
      // Two are still out here and two there.
      await limiter.release('k', 3)
      expect(await left()).toBe(4)
      await limiter.release('k')
      expect(await left()).toBe(5)
      await isDown(true)
      expect(await left()).toBe(5)
      await limiter.close()
    },
  )

  it('what an outage lets through or denies has the limit of its plan', async () => {
    for (const onStorageError of ['allow', 'deny'] as const) {
      const clock = new ManualClock()
      const storage = new OwnStorage({ clock })
      storage.down = true
      const limiter = LimiterFactory.tokenBucket({ rate: 5, storage, clock, onStorageError })
      for (const rate of [7, Infinity]) {
        const decision = await limiter.consume('a', { quota: { rate } })
        expect(decision).toMatchObject({ limit: rate, degraded: true })
      }
    }
  })

  it('knows the classes of every kind of limiter that has some', async () => {
    const classes = { batch: 0.5 }
    const having: ((common: LimiterOptions) => Limiter)[] = [
      (common) => LimiterFactory.tokenBucket({ rate: 6, ...common }),
      (common) => LimiterFactory.leakyBucket({ rate: 6, ...common }),
      (common) => LimiterFactory.concurrency({ limit: 6, ...common }),
      (common) => LimiterFactory.adaptive({ initialRate: 6, minRate: 1, ...common }),
      (common) => LimiterFactory.adaptiveConcurrency({ initialLimit: 6, ...common }),
    ]
    for (const make of having) {
      const { limiter, isDown } = made((common) => make({ ...common, classes }))
      await isDown(true)
      const passed: boolean[] = []
      for (let i = 0; i < 4; i++) passed.push(await limiter.acquire('k', { class: 'batch' }))
      expect(passed).toEqual([true, true, true, false])
      expect(await limiter.consume('k')).toMatchObject({ allowed: true, degraded: true })
      await expect(limiter.consume('k', { class: 'none' })).rejects.toThrow(/class must be one of/)
      await limiter.close()
    }
  })

  it.each(Object.entries(kinds))('a release fails no call: %s', async (_, make) => {
    const { limiter, take, isDown } = made(make)
    await take(3)
    await isDown(true)
    for (let i = 0; i < 3; i++) await limiter.release('k')
    for (const verb of [() => limiter.reset('k'), () => limiter.block('k', '1s')]) {
      await expect(verb()).rejects.toMatchObject({ code: 'STORAGE_DOWN' })
    }
    await limiter.close()
  })

  it.each(Object.entries(kinds))('a reset forgets what was taken here: %s', async (_, make) => {
    const { limiter, left, take, isDown } = made(make)
    await isDown(true)
    await take(3)
    await isDown(false)
    await limiter.reset('k')
    await isDown(true)
    expect(await left()).toBe(5)
    await limiter.close()
  })

  it('goes by changed numbers', async () => {
    const { limiter, left, isDown } = made(kinds['bucket'] as (common: LimiterOptions) => Limiter)
    await limiter.reconfigure({ rate: 9 })
    await isDown(true)
    expect(await left()).toBe(9)
    await limiter.close()
  })
})
