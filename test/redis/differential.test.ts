import {
  type CallOptions,
  type Decision,
  isAioFluxError,
  type Limiter,
  LimiterFactory,
  type LimiterOptions,
  type LimiterStorage,
  MemoryStorage,
  type Reservation,
  type ReserveOptions,
} from 'aioflux'
import { HybridStorage, RedisStorage } from 'aioflux/redis'
import { ManualClock, seeded } from 'aioflux/testing'
import { Redis } from 'ioredis'
import { afterAll, expect, inject, it } from 'vitest'

// The same random calls of limiters in memory, over Redis and over both: each answer must be the same.

const client = new Redis(inject('redisUrl'))
afterAll(() => client.disconnect())

type Common = (scope: string) => LimiterOptions
interface Made {
  readonly whole: Limiter
  /** What can be reconfigured, and which of its numbers. */
  readonly leaves: readonly (readonly [limiter: Limiter, size: 'burst' | 'capacity' | 'rate'])[]
}

const classes = { critical: 1, normal: 0.8, batch: 0.5 }
const token = (common: Common, more = {}) =>
  LimiterFactory.tokenBucket({ rate: 10, per: '1m', classes, ...common('token'), ...more })
const leaky = (common: Common) =>
  LimiterFactory.leakyBucket({ rate: 12, per: '1m', capacity: 9, classes, ...common('leaky') })
const sliding = (common: Common) =>
  LimiterFactory.slidingWindow({ rate: 8, per: '1m', ...common('sliding') })
const hourly = (common: Common) =>
  LimiterFactory.fixedWindow({ rate: 9, align: 'hour', ...common('hourly') })

const limiters: Readonly<Record<string, (common: Common) => Made>> = {
  'a token bucket': (common) => {
    const whole = token(common)
    return { whole, leaves: [[whole, 'burst']] }
  },
  'a leaky bucket': (common) => {
    const whole = leaky(common)
    return { whole, leaves: [[whole, 'capacity']] }
  },
  'a window': (common) => {
    const whole = sliding(common)
    return { whole, leaves: [[whole, 'rate']] }
  },
  'parts with costs of their own': (common) => {
    const [one, other] = [token(common), leaky(common)]
    const priced = { limiter: one, quota: true as const, cost: (cost: number) => cost * 2 }
    const whole = LimiterFactory.composite([priced, { limiter: other, cost: () => 1 }])
    return {
      whole,
      leaves: [
        [one, 'burst'],
        [other, 'capacity'],
      ],
    }
  },
  'a composite inside, and keys of their own': (common) => {
    const [one, other, third] = [token(common), leaky(common), hourly(common)]
    const inner = LimiterFactory.composite([{ limiter: one, quota: true }, other])
    const whole = LimiterFactory.composite([inner, { limiter: third, key: (key) => `${key}!` }])
    return { whole, leaves: [[third, 'rate']] }
  },
  'a shadow as a part': (common) => {
    const [one, other] = [token(common, { shadow: true }), leaky(common)]
    const whole = LimiterFactory.composite([one, { limiter: other, quota: true }])
    return { whole, leaves: [[one, 'burst']] }
  },
  'a composite that is a shadow': (common) => {
    const [one, other] = [token(common), leaky(common)]
    const priced = { limiter: one, quota: true as const, cost: (cost: number) => cost * 3 }
    const whole = LimiterFactory.composite([LimiterFactory.composite([priced]), other], {
      shadow: true,
    })
    return { whole, leaves: [[other, 'capacity']] }
  },
}

const prefix = () => `differential:${crypto.randomUUID()}`
const redis = (clock: ManualClock) => new RedisStorage({ client, clock, prefix: prefix() })
const storages: Readonly<Record<string, (clock: ManualClock) => LimiterStorage>> = {
  memory: (clock) => new MemoryStorage({ clock }),
  redis,
  hybrid: (clock) => new HybridStorage({ redis: redis(clock), clock, strict: true }),
}

/** Each key has one plan: which pace has drained a key of several is not the same everywhere. */
const plans = {
  none: undefined,
  slow: { rate: 5, per: '1m' },
  quick: { rate: 3.5, per: '10s' },
  closed: { rate: 0 },
  open: { rate: Infinity },
} as const

/** To a tenth of a millisecond: a bucket that was made smaller is told to the tick of the larger one. */
const rounded = (value: unknown): unknown =>
  JSON.parse(
    JSON.stringify(value ?? null, (_, one) => {
      if (typeof one !== 'number') return one
      return Number.isFinite(one) ? Math.round(one * 1e4) / 1e4 : String(one)
    }),
  )
/** Without when it is as new: where parts are asked one by one, that is not told anew. */
const plainly = ({ resetAfter: _, parts, ...rest }: Decision): object => ({
  ...rest,
  ...(parts && { parts: parts.map(plainly) }),
})

interface World extends Made {
  readonly clock: ManualClock
  readonly held: (Reservation | undefined)[]
}
type Step = readonly [told: string, make: (world: World) => Promise<unknown>]

function stepOf(random: () => number, reservations: number): Step {
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T
  const key = pick(Object.keys(plans)) as keyof typeof plans
  const plan = plans[key]
  const cost = pick([1, 1, 1, 2, 3, 0.5, 4, 5, 7, 11, 0.25])
  const brings = {
    ...(plan && { quota: plan }),
    ...(random() < 0.3 && { class: pick(Object.keys(classes)) }),
  }
  const call: CallOptions = { cost, ...brings }
  const told = (verb: string, ...about: unknown[]) => `${verb} ${JSON.stringify(about)}`
  const turn = random()
  if (turn < 0.45) {
    return [told('consume', key, call), ({ whole }) => whole.consume(key, call).then(plainly)]
  }
  if (turn < 0.53) {
    return [told('peek', key, call), ({ whole }) => whole.peek(key, call).then(plainly)]
  }
  if (turn < 0.58) {
    const { class: _, ...back } = call
    return [told('release', key, back), ({ whole }) => whole.release(key, back)]
  }
  if (turn < 0.61) {
    const [length, replace] = [pick(['10s', '1m', Infinity] as const), random() < 0.5]
    return [told('block', key, length), ({ whole }) => whole.block(key, length, { replace })]
  }
  if (turn < 0.65) return [told('unblock', key), ({ whole }) => whole.unblock(key)]
  if (turn < 0.67) return [told('reset', key), ({ whole }) => whole.reset(key)]
  if (turn < 0.77) {
    const options: ReserveOptions = {
      ttl: pick(['5s', '1m', '10m'] as const),
      onExpire: pick(['charge', 'release'] as const),
      ...brings,
    }
    const reserve = async ({ whole, held }: World) => {
      const place = held.push(undefined) - 1
      held[place] = await whole.reserve(key, cost, options)
      return held[place] !== undefined
    }
    return [told('reserve', key, cost, options), reserve]
  }
  if (turn < 0.87 && reservations > 0) {
    const place = Math.floor(random() * reservations)
    const [verb, actual] = [pick(['settle', 'settle', 'cancel', 'extend']), pick([0, 1, 2, 5, 20])]
    const end = async ({ held }: World) => {
      if (verb === 'settle') await held[place]?.settle(actual)
      else if (verb === 'cancel') await held[place]?.cancel()
      else await held[place]?.extend('30s')
    }
    return [told(verb, place, actual), end]
  }
  if (turn < 0.91) {
    const [part, size] = [Math.floor(random() * 2), pick([3, 6, 10, 20])]
    const change = async ({ leaves }: World) => {
      const [limiter, name] = leaves[part % leaves.length] as Made['leaves'][number]
      await limiter.reconfigure({ [name]: size })
    }
    return [told('reconfigure', part, size), change]
  }
  const pause = pick([0.5, 1, 3, 6, 20, 60, 70, 600, 3600])
  return [told('advance', pause), async ({ clock }) => clock.advance(pause)]
}

/** What a step answers, also where it refuses. */
const answerOf = async (step: Step, world: World): Promise<unknown> => {
  try {
    return rounded(await step[1](world))
  } catch (error) {
    if (isAioFluxError(error)) return error.code
    throw error
  }
}

it.each(Object.entries(limiters))(
  '%s answers the same in memory, over Redis and over both',
  async (_, make) => {
    for (let seed = 0; seed < 8; seed++) {
      const random = seeded(seed)
      const worlds = Object.entries(storages).map(([name, storageOf]): [string, World] => {
        const clock = new ManualClock('1h')
        const storage = storageOf(clock)
        const scope = crypto.randomUUID()
        const made = make((name) => ({ storage, clock, name, scope: `${scope} ${name}` }))
        return [name, { ...made, clock, held: [] }]
      })
      const trace: string[] = []
      for (let i = 0; i < 60; i++) {
        const step = stepOf(random, worlds[0]?.[1].held.length ?? 0)
        trace.push(step[0])
        const answers = await Promise.all(
          worlds.map(async ([name, world]) => [name, await answerOf(step, world)] as const),
        )
        const first = answers[0]?.[1]
        for (const [name, answer] of answers) {
          const about = `${name}, seed ${seed}, after ${trace.slice(-12).join(', ')}`
          expect(answer, about).toEqual(first)
        }
      }
      for (const [, { whole, leaves }] of worlds) {
        await whole.close()
        for (const [limiter] of leaves) await limiter.close()
      }
    }
  },
)
