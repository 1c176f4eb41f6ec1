import { LimiterFactory, MemoryStorage } from 'aioflux'
import { type FetchGuardOptions, rateLimitFetch, rateLimitPlugin } from 'aioflux/http'
import { ManualClock } from 'aioflux/testing'
import { describe, expect, it } from 'vitest'
import { guardExam } from '../exams/guard-exam.ts'
import { frameworks, type GuardSetup, type Start } from './servers.ts'

const bucket = () =>
  LimiterFactory.tokenBucket({
    rate: 5,
    per: '1d',
    classes: { batch: 0.5 },
    clock: new ManualClock(),
  })
/** An option that answers at once, and one that promises the same. */
const both = <T>(read: () => T) => [() => read(), async () => read()]
const fails = (reason: unknown) => () => {
  throw reason
}

describe.each(Object.entries(frameworks))('%s', (name, start: Start) => {
  /** Whether one request is handled, and what it takes. By hand, errors go to the caller, who has to answer. */
  const ask = async (options: object, setup: Partial<GuardSetup> = {}) => {
    const limiter = bucket()
    await using server = await start({ guards: [{ limiter, ...setup, options }] })
    const answered = await fetch(server.url).then(
      ({ status }) => status,
      () => 0,
    )
    const taken =
      10 - (await limiter.peek('')).remaining - (await limiter.peek('127.0.0.1')).remaining
    return { handled: server.handled, taken, answered }
  }

  // Of node:http by hand the caller gets the error.
  it.skipIf(name === 'node:http')(
    'what throws no error is an error all the same',
    async () => {
      const closed = { quota: () => ({ rate: 0 }) }
      // The texts mean something to the routers of Express.
      for (const reason of [undefined, 'route']) {
        for (const read of both(fails(reason))) {
          for (const option of ['key', 'cost', 'skip', 'quota', 'class', 'limiter']) {
            const { handled, taken, answered } = await ask({ [option]: read })
            const about = `${option} throws ${reason}`
            expect({ handled, taken, about }).toEqual({ handled: 0, taken: 0, about })
            expect(answered).toBeGreaterThanOrEqual(500)
          }
          const { handled, answered } = await ask({ ...closed, onLimited: read })
          expect(handled).toBe(0)
          expect(answered).toBeGreaterThanOrEqual(429)
        }
      }
    },
    60_000,
  )

  it('what is left out is asked nothing more', async () => {
    const never = fails(new Error('was read'))
    const rest = { key: never, quota: never, class: never }
    for (const skip of both(() => true)) {
      const limiter = name === 'fastify' ? {} : { limiter: never }
      expect(await ask({ skip, cost: never, ...limiter, ...rest })).toMatchObject({
        handled: 1,
        taken: 0,
        answered: 200,
      })
    }
    for (const cost of both(() => 0)) {
      expect(await ask({ cost, ...rest })).toMatchObject({ handled: 1, taken: 0, answered: 200 })
    }
  })

  guardExam(start, () => {
    const clock = new ManualClock('1h')
    return { clock, storage: new MemoryStorage({ clock }) }
  })
})

describe('the options of a guard', () => {
  const answer = async (options: object) =>
    (
      await rateLimitFetch(bucket(), options as FetchGuardOptions)(() => new Response('ok'))(
        new Request('http://x/'),
      )
    ).status

  it('that are wrong for a request are told by name, promised or not', async () => {
    const wrong: [string, unknown][] = [
      ['key', undefined],
      ['key', null],
      ['key', 5],
      ['cost', null],
      ['cost', Number.NaN],
      ['cost', '2'],
      ['cost', -1],
      ['skip', 1],
      ['skip', 'no'],
      ['skip', null],
      ['quota', null],
      ['quota', 0],
      ['quota', Number.NaN],
      ['quota', false],
      ['quota', ''],
      ['class', null],
      ['class', ''],
      ['class', 'toString'],
      ['limiter', null],
      ['limiter', 5],
    ]
    for (const [option, value] of wrong) {
      for (const read of both(() => value)) {
        const refused = await answer({ [option]: read }).catch((error) => error)
        const about = `${option}: ${value}`
        expect({ about, code: refused.code }).toEqual({ about, code: 'INVALID_OPTION' })
        expect(refused.option).toBe(option)
      }
    }
  })

  it('may leave out what has a default', async () => {
    for (const option of ['cost', 'skip', 'quota', 'class', 'limiter']) {
      for (const read of both(() => undefined)) expect(await answer({ [option]: read })).toBe(200)
    }
  })

  it('are checked when the guard is made, also where only requests choose a limiter', () => {
    const limiter = () => bucket()
    const app = { addHook: () => {} }
    for (const wrong of [{ skipFailed: 1 }, { maxHold: 0 }, { headers: 'rfc' }, { key: 'ip' }]) {
      const [option] = Object.keys(wrong)
      const options = { limiter, ...wrong } as never
      expect(() => rateLimitFetch(undefined as never, options)).toThrow(option)
      expect(() => rateLimitPlugin(app, options, () => {})).toThrow(option)
    }
    expect(() => rateLimitFetch(undefined as never)).toThrow('limiter must be a limiter')
  })

  it('that fail one beside the other leave no rejection that nobody handles', async () => {
    const unhandled: unknown[] = []
    const note = (reason: unknown) => unhandled.push(reason)
    process.on('unhandledRejection', note)
    const later = async () => {
      throw new Error('later')
    }
    const now = fails(new Error('now'))
    const part = { limiter: bucket(), key: later, cost: now }
    const guards = [
      rateLimitFetch(bucket(), { key: later, quota: now }),
      rateLimitFetch(bucket(), { key: later, quota: later as never }),
      rateLimitFetch([part], {}),
      rateLimitFetch([{ ...part, cost: later }], {}),
    ]
    const told: unknown[] = []
    for (const guard of guards) {
      const asking = guard(() => new Response('ok'))(new Request('http://x/'))
      told.push(await asking.catch(({ message }) => message))
    }
    await new Promise((resolve) => setImmediate(resolve))
    process.off('unhandledRejection', note)
    expect(told).toEqual(['now', 'later', 'now', 'later'])
    expect(unhandled).toEqual([])
  })
})
