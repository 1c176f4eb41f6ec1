import { MemoryStorage } from 'aioflux'
import { RedisStorage } from 'aioflux/redis'
import { ManualClock } from 'aioflux/testing'
import fc from 'fast-check'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { newHolder, numberOf } from '../../src/coordination/holder.ts'
import { ledgerLeases } from '../../src/coordination/ledger-leases.ts'
import { type LeaseStore, TURN } from '../../src/core/lease-store.ts'
import { RedisLeases } from '../../src/redis/redis-leases.ts'
import { SCRIPTS } from '../../src/redis/scripts/lua.generated.ts'
import { type Script, script } from '../../src/redis/scripts/script.ts'
import { lease } from '../../src/rules/lease.ts'
import { clients, libraries, type OpenClient } from '../support/clients.ts'

const NAMES = ['a', 'b', 'c']
const HOLDERS = [newHolder(), newHolder(), newHolder()] as const
const [A, B, C] = HOLDERS
const DAY = 86_400_000_000
const START = 1_700_000_000_000_000

/** Requests that are made in one instant; the time, in microseconds, moves on before. */
interface Step {
  readonly passes: number
  readonly requests: readonly Request[]
}
interface Request {
  readonly verb: 'acquire' | 'renew' | 'release'
  readonly names: readonly string[]
  readonly holder: string
  readonly term: number
}
type Answer = { wait: number; tokens: readonly number[] } | { had: boolean }

const requests = fc.record({
  verb: fc.constantFrom('acquire', 'acquire', 'renew', 'release'),
  names: fc.subarray(NAMES, { minLength: 1 }),
  holder: fc.constantFrom(...HOLDERS),
  // In milliseconds.
  term: fc.integer({ min: 1, max: 40 }),
})
const steps = (most: number, back: boolean): fc.Arbitrary<Step[]> =>
  fc.array(
    fc.record({
      passes: fc.oneof(
        { weight: 6, arbitrary: fc.integer({ min: 0, max: 30_000 }) },
        // The clock of the server was set.
        { weight: back ? 1 : 0, arbitrary: fc.constantFrom(-5000, -3 * DAY, 2 * DAY) },
      ),
      requests: fc.array(requests, { minLength: 1, maxLength: most }) as fc.Arbitrary<Request[]>,
    }),
    { minLength: 5, maxLength: 40 },
  )

/** Leases as a page of a book says they are. */
class Model {
  now = START
  readonly states = new Map<string, { holder: string; token: number; until: number }>()

  answer({ verb, names, holder, term }: Request, tokens: readonly number[]): Answer {
    const { now } = this
    const states = names.map((name) => {
      const state = this.states.get(name) ?? { holder: '', token: 0, until: 0 }
      const held = state.until > now && state.until - now <= 2 * DAY
      return { name, ...state, held, mine: held && state.holder === holder }
    })
    if (verb === 'release') {
      const had = states.every(({ token }, i) => token === tokens[i])
      for (const { name, holder: last, token } of states) {
        if (last === holder) this.states.set(name, { holder, token, until: 0 })
      }
      return { had }
    }
    if (verb === 'renew' && states.some(({ mine }) => !mine)) return { had: false }
    const denied = states.filter(({ held, mine }) => held && !mine)
    if (denied.length > 0) {
      return { wait: Math.max(...denied.map(({ until }) => until - now)) / 1000, tokens: [] }
    }
    for (const { name, mine, token } of states) {
      const next = mine ? token : Math.max(token + 1, now)
      this.states.set(name, { holder, token: next, until: now + term * 1000 })
    }
    if (verb === 'renew') return { had: true }
    return { wait: 0, tokens: names.map((name) => this.states.get(name)?.token as number) }
  }
}

async function ask(
  store: LeaseStore,
  { verb, names, holder, term }: Request,
  tokens: readonly number[],
): Promise<Answer> {
  if (verb === 'release') return { had: await store.release(names, holder, tokens) }
  if (verb === 'renew') return { had: await store.renew({ names, holder, term }) }
  const { wait, tokens: got } = await store.acquire({ names, holder, term })
  return wait > 0 ? { wait, tokens: [] } : { wait: 0, tokens: got }
}

/** What a store answers, and what the model does. */
async function compared(
  store: LeaseStore,
  trace: readonly Step[],
  set: (now: number) => void,
): Promise<[Answer[], Answer[]]> {
  const model = new Model()
  // The tokens that each holder was given last, as it would hand them in.
  const given = new Map<string, number>()
  const [there, here]: [Answer[], Answer[]] = [[], []]
  for (const { passes, requests } of trace) {
    model.now += passes
    set(model.now)
    const known = requests.map(({ names, holder }) =>
      names.map((name) => given.get(`${holder} ${name}`) ?? 0),
    )
    const asked = requests.map((request, i) => ask(store, request, known[i] as number[]))
    for (const [i, request] of requests.entries()) {
      const answer = model.answer(request, known[i] as number[])
      here.push(answer)
      if (!('tokens' in answer)) continue
      for (const [k, token] of answer.tokens.entries()) {
        given.set(`${request.holder} ${request.names[k]}`, token)
      }
    }
    there.push(...(await Promise.all(asked)))
  }
  return [there, here]
}

describe.each(libraries)('leases in Redis, %s', (library) => {
  let open: OpenClient
  let count = 0
  beforeAll(async () => {
    open = await clients[library](inject('redisUrl'))
  })
  afterAll(() => open.end())

  /** Leases that go by a time that the test sets, on a server that knows their scripts: one that it does not know is sent twice. */
  async function leases(mutate = (text: string) => text) {
    const prefix = `leases-${process.pid}-${library}-${count++}`
    const storage = new RedisStorage({ client: open.client, prefix })
    let now = 0
    const store = new RedisLeases({
      prefix,
      cluster: false,
      get present() {
        return String(now)
      },
      joins: () => true,
      listen: (channel, listener) => storage.listen(channel, listener),
      execute: (sent: Script, keys: string[], args: string[]) =>
        storage.execute(script(mutate(sent.text)), keys, args),
    })
    const set = (to: number) => {
      now = to
    }
    const request = { names: ['known'], holder: A, term: 1 }
    await store.acquire(request)
    await store.renew(request)
    await store.release(request.names, A, [])
    return { store, set }
  }

  it('are those of the model, whatever travels together', async () => {
    await fc.assert(
      fc.asyncProperty(steps(5, true), async (trace) => {
        const { store, set } = await leases()
        const [there, here] = await compared(store, trace, set)
        expect(there).toEqual(here)
      }),
      { numRuns: 60 },
    )
  })

  const mutants: Readonly<Record<string, readonly [string, string][]>> = {
    lease: [
      ['if ends - now > 2 * MEMORY then ends = now end', ''],
      ['math.max(fence + 1, now)', 'now'],
      ['math.max(fence + 1, now)', 'fence + 1'],
      ["if verb == 'a' and ends <= now then", "if verb == 'a' then"],
      ["held ~= holder or (ends <= now and verb ~= 'r')", 'held ~= holder'],
      ["held ~= holder or (ends <= now and verb ~= 'r')", 'held ~= holder or ends <= now'],
      ["held ~= holder or (ends <= now and verb ~= 'r')", "ends <= now and verb ~= 'r'"],
      ["(size == 1 or verb == 'r') and 2 or 1", '2'],
      ['and 0 or now + term', 'and 0 or math.max(ends, now + term)'],
      ["verb == 'r' and 0 or now + term", 'now + term'],
      ["verdict < 0 and verb ~= 'r' and verdict or fence", 'verdict < 0 and verdict or fence'],
      ['if not granted then break end', ''],
      ['base = base + size', ''],
      ["verb == 'a' and now - ends or NEVER", 'now - ends'],
    ],
    'lease-acquire': [
      ['if ends <= now or ends - now > 2 * MEMORY then', 'if ends <= now then'],
      ['if ends <= now or ends - now > 2 * MEMORY then', 'if ends - now > 2 * MEMORY then'],
      ['fence < now and now or fence + 1', 'now'],
      ['fence < now and now or fence + 1', 'fence + 1'],
      ['elseif string.sub(value, 1, 8) ~= holder then', 'elseif value then'],
      ['elseif string.sub(value, 1, 8) ~= holder then', 'elseif false then'],
      ['ends = now + ARGV[2]', 'ends = math.max(ends, now + ARGV[2])'],
    ],
    'lease-release': [
      ['if string.sub(value, 1, 8) == ARGV[1] then', 'if true then'],
      ["redis.call('SETRANGE', key, '16', '\\0\\0\\0\\0\\0\\0\\0\\0')", ''],
      ['return fence', 'return string.sub(value, 1, 8) == ARGV[1] and fence or 0'],
    ],
  }
  const each = Object.entries(mutants).flatMap(([name, all]) =>
    all.map((mutant) => [name, ...mutant] as const),
  )
  it.each(each)('a mutant of %s is caught: %s -> %s', async (name, from, to) => {
    const original = SCRIPTS[name] as string
    expect(original).toContain(from)
    const mutate = (text: string) => (text === original ? text.replaceAll(from, to) : text)
    const check = fc.asyncProperty(steps(5, true), async (trace) => {
      const { store, set } = await leases(mutate)
      const [there, here] = await compared(store, trace, set)
      return JSON.stringify(there) === JSON.stringify(here)
    })
    const result = await fc.check(check, { numRuns: 2000, endOnFailure: true })
    expect(result.failed).toBe(true)
  })

  it('a ledger of the rule keeps the same states in the same keys', async () => {
    const prefix = `leases-${process.pid}-${library}-ledger`
    const clock = new ManualClock('1h')
    const storage = new RedisStorage({ client: open.client, prefix, clock })
    const stores = [storage.leases(), ledgerLeases(storage.open(lease(), 'lease'))]
    await fc.assert(
      fc.asyncProperty(steps(1, false), async (trace) => {
        const model = new Model()
        model.now = Math.round(clock.now() * 1000)
        // Longer ago than any lease, so that each trace begins with free ones.
        clock.advance(1)
        for (const [i, { passes, requests }] of trace.entries()) {
          clock.advance(Math.round(passes / 1000) / 1000)
          model.now = Math.round(clock.now() * 1000)
          const [request] = requests as [Request]
          if (request.verb === 'release') {
            await ask(stores[i % 2] as LeaseStore, request, [])
            model.answer(request, [])
            continue
          }
          const answer = await ask(stores[i % 2] as LeaseStore, request, [])
          const { wait, had, allowed } = shape(model.answer(request, []))
          expect(shape(answer)).toEqual({ wait, had, allowed })
        }
      }),
      { numRuns: 30 },
    )
  })
})

/** An answer without its tokens: those of a trace follow on those of the traces before. */
function shape(answer: Answer): { wait?: number; had?: boolean; allowed?: boolean } {
  if ('had' in answer) return { had: answer.had }
  return { wait: answer.wait, allowed: answer.wait === 0 }
}

it('the bytes of the number of a holder are its name', () => {
  const names = Array.from({ length: 10_000 }, newHolder)
  expect(new Set(names).size).toBe(10_000)
  const view = new DataView(new ArrayBuffer(8))
  for (const name of names) {
    const number = numberOf(name)
    expect(Number.isSafeInteger(number) && number > 0).toBe(true)
    view.setFloat64(0, number, true)
    expect(Buffer.from(view.buffer).toString('utf8')).toBe(name)
  }
})

it('leases in memory are those of the model', async () => {
  await fc.assert(
    fc.asyncProperty(steps(1, false), async (trace) => {
      const clock = new ManualClock('1h')
      const store = ledgerLeases(new MemoryStorage({ clock }).open(lease(), 'lease', clock))
      const model = new Model()
      for (const { passes, requests } of trace) {
        clock.advance(Math.round(passes / 1000) / 1000)
        model.now = Math.round(clock.now() * 1000)
        const [asked] = requests as [Request]
        // Several names are asked for one after the other there: a holder that has some of them already may lose these to a denial.
        const has = asked.names.some((name) => model.states.get(name)?.holder === asked.holder)
        const request =
          asked.verb === 'renew' || (asked.verb === 'acquire' && has)
            ? { ...asked, names: asked.names.slice(0, 1) }
            : asked
        const answer = await ask(store, request, [])
        const expected = model.answer(request, [])
        if (request.verb === 'release') continue
        expect(shape(answer).allowed ?? shape(answer).had).toBe(
          shape(expected).allowed ?? shape(expected).had,
        )
      }
    }),
  )
})

it('the state of a lease lives for a day longer than the lease', async () => {
  const client = new Redis(inject('redisUrl'))
  const prefix = `leases-${process.pid}-life`
  const store = new RedisStorage({ client, prefix }).leases()
  const key = async () => (await client.keys(`${prefix}:*`))[0] as string
  const life = async () => (await client.pttl(await key())) / 1000
  const names = ['x']
  expect((await store.acquire({ names, holder: A, term: 10_000 })).wait).toBe(0)
  expect(await life()).toBeGreaterThan(86_400 + 10)
  // Longer than it was to live: in place, it would end before the lease does.
  expect(await store.renew({ names, holder: A, term: 86_400_000 })).toBe(true)
  expect(await life()).toBeGreaterThan(2 * 86_400)
  expect(await store.renew({ names, holder: A, term: 10 })).toBe(true)
  expect(await life()).toBeGreaterThan(2 * 86_400 - 60)
  client.disconnect()
})

describe('a process that lets others go first', () => {
  const client = new Redis(inject('redisUrl'))
  afterAll(() => client.disconnect())
  const term = 10_000

  it.each([1, 2])(
    'is denied what it gave back, until one of them has had it: %i names',
    async (n) => {
      const prefix = `leases-${process.pid}-after-${n}`
      const store = new RedisStorage({ client, prefix }).leases()
      const names = ['a', 'b'].slice(0, n)
      const take = (holder: string, tokens?: readonly number[]) =>
        store.acquire({ names, holder, term, ...(tokens && { after: { tokens, over: false } }) })
      const { tokens } = await take(A)
      // No other process wants it: it has it again.
      const [, again] = await Promise.all([store.release(names, A, tokens), take(A, tokens)])
      expect(again.wait).toBe(0)
      expect((await take(B)).wait).toBeGreaterThan(TURN)
      const [, turn] = await Promise.all([
        store.release(names, A, again.tokens),
        take(A, again.tokens),
      ])
      expect(turn.wait).toBe(TURN)
      expect((await take(A, again.tokens)).wait).toBe(TURN)
      const other = await take(B)
      expect(other.wait).toBe(0)
      expect((await take(A, again.tokens)).wait).toBeGreaterThan(TURN)
      await store.release(names, B, other.tokens)
      expect((await take(A, again.tokens)).wait).toBe(0)
    },
  )

  it('has it again, and is not asked to wait once more, when none of them comes', async () => {
    const store = new RedisStorage({ client, prefix: `leases-${process.pid}-gone` }).leases()
    const names = ['a']
    const first = await store.acquire({ names, holder: A, term })
    await store.acquire({ names, holder: B, term })
    await store.release(names, A, first.tokens)
    const asked = { names, holder: A, term, after: { tokens: first.tokens, over: false } }
    expect((await store.acquire(asked)).wait).toBe(TURN)
    const after = { tokens: first.tokens, over: true }
    const again = await store.acquire({ ...asked, after })
    expect(again.wait).toBe(0)
    await store.release(names, A, again.tokens)
    expect(
      (await store.acquire({ ...asked, after: { tokens: again.tokens, over: false } })).wait,
    ).toBe(0)
  })
})

describe('what is published', () => {
  const client = new Redis(inject('redisUrl'))
  const listener = client.duplicate()
  afterAll(() => {
    client.disconnect()
    listener.disconnect()
  })

  /** The leases of a prefix of their own, and the names that were told of so far. */
  async function world(prefix: string) {
    const own = `leases-${process.pid}-${prefix}`
    const heard: string[] = []
    listener.on('pmessage', (_, channel: string) => {
      if (channel.startsWith(own)) heard.push(channel.slice(-1))
    })
    await listener.psubscribe(`${own}:*`)
    const store = new RedisStorage({ client, prefix: own }).leases()
    return {
      store,
      take: (names: string[], holder: string) => store.acquire({ names, holder, term: 10_000 }),
      back: (name: string, holder: string) => store.release([name], holder, []),
      /** The names that were told of since the last call, sorted. */
      async told() {
        await client.publish(`${own}:end`, '')
        await expect.poll(() => heard).toContain('d')
        return heard
          .splice(0)
          .filter((name) => name !== 'd')
          .sort()
      },
    }
  }

  it.each([
    ['one request a trip', false],
    ['many requests a trip', true],
  ])('a release, where another holder was denied the lease: %s', async (_, together) => {
    const { take, back, told } = await world(`told-${together}`)
    const each = async (asks: (() => Promise<unknown>)[]) => {
      if (together) return void (await Promise.all(asks.map((ask) => ask())))
      for (const ask of asks) await ask()
    }
    await each([() => take(['a'], A), () => take(['b'], A), () => take(['c'], A)])
    await each([() => take(['a'], B), () => take(['b', 'c'], B)])
    await each([() => back('a', B), () => back('b', B)])
    expect(await told()).toEqual([])
    await each([() => back('a', A), () => back('b', A), () => back('c', A)])
    expect(await told()).toEqual(['a', 'b', 'c'])
    // Processes that were told would have asked again.
    await each([() => take(['a'], A), () => take(['b'], A), () => take(['c'], A)])
    await each([() => back('a', A), () => back('b', A), () => back('c', A)])
    expect(await told()).toEqual([])
  })

  it('no lease that is taken again in the same trip, until that one is given back', async () => {
    const { take, back, told } = await world('again')
    await take(['a'], A)
    await take(['a'], C)
    await Promise.all([back('a', A), take(['a'], B)])
    expect(await told()).toEqual([])
    await back('a', B)
    expect(await told()).toEqual(['a'])
  })

  it('a lease that a request of the same trip would take, were it not denied another one', async () => {
    const { take, back, told } = await world('denied')
    await take(['a'], A)
    await take(['b'], C)
    await take(['a'], B)
    await Promise.all([back('a', A), take(['a', 'b'], B)])
    expect(await told()).toEqual(['a'])
  })

  it('a lease that was not given back in time, when its next holder gives it back', async () => {
    const { store, take, back, told } = await world('late')
    await store.acquire({ names: ['a'], holder: A, term: 20_000 })
    // B waits for the end that it was told, and A makes its lease end sooner.
    await take(['a'], B)
    await store.renew({ names: ['a'], holder: A, term: 1 })
    await expect.poll(async () => (await take(['a'], C)).wait).toBe(0)
    await back('a', C)
    expect(await told()).toEqual(['a'])
  })

  it('a lease, when the process that was let go first gives it back', async () => {
    const { store, take, back, told } = await world('turn')
    const { tokens } = await take(['a'], A)
    await take(['a'], B)
    await Promise.all([
      back('a', A),
      store.acquire({ names: ['a'], holder: A, term: 10_000, after: { tokens, over: false } }),
    ])
    expect(await told()).toEqual(['a'])
    await take(['a'], B)
    await back('a', B)
    expect(await told()).toEqual(['a'])
    await take(['a'], A)
    await back('a', A)
    expect(await told()).toEqual([])
  })

  it.each([[['a']], [['a', 'b']]])(
    'no lease that callers were denied who do not wait: %j',
    async (names) => {
      const { store, take, back, told } = await world(`once-${names.length}`)
      const ask = () => store.acquire({ names, holder: B, term: 10_000, once: true })
      await take(['a'], A)
      expect((await ask()).wait).toBeGreaterThan(0)
      await Promise.all([ask(), ask()])
      await back('a', A)
      expect(await told()).toEqual([])
      expect((await ask()).wait).toBe(0)
      await take(['a'], C)
      await back('a', B)
      expect(await told()).toEqual(['a'])
    },
  )

  it('a lease that is renewed, when it is given back', async () => {
    const { store, take, back, told } = await world('renewed')
    await take(['a'], A)
    await take(['a'], B)
    expect(await store.renew({ names: ['a'], holder: A, term: 20_000 })).toBe(true)
    await take(['a'], A)
    await back('a', A)
    expect(await told()).toEqual(['a'])
  })
})
