import { type Limiter, LimiterFactory } from 'aioflux'
import { RedisStorage } from 'aioflux/redis'
import { describe, inject, it } from 'vitest'
import { load } from '../http/load.ts'
import { frameworks } from '../http/servers.ts'
import { figure, short } from '../support/figure.ts'

/** Almost a minute, so that a window of a minute is never over before the load is. */
const SECONDS = short ? 2 : 58
// In short, so little that it is used up on a busy machine too.
const [BURST, RATE, WINDOW] = short ? [30, 20, 60] : [100, 50, 600]
/** Of the bound. In short, the time it takes to begin counts for much. */
const LEAST = short ? 0.6 : 0.9

const over = (limiter: () => Limiter) =>
  Promise.all(
    Object.entries(frameworks).map(async ([name, start]) => {
      await using server = await start({ guards: [{ limiter: limiter() }] })
      return { name, ...(await load(server.url, SECONDS, 10)), handled: server.handled }
    }),
  )

describe('the 200s of a minute under load, all frameworks at once', () => {
  it('a bucket: never more than the burst and what drips in', async () => {
    for (const run of await over(() =>
      LimiterFactory.tokenBucket({ rate: RATE, per: '1s', burst: BURST }),
    )) {
      const { name, ok, limited, others, seconds, handled } = run
      const bound = BURST + RATE * seconds
      const what = `200s of ${ok + limited} in ${seconds.toFixed(1)} s`
      figure(`${name}, bucket: ${what}`, ok, `<= ${bound.toFixed(1)}`, ok <= bound)
      figure(`${name}, bucket: handled`, handled, `<= ${bound.toFixed(1)}`, handled <= bound)
      figure(`${name}, bucket: of the bound`, ok / bound, `>= ${LEAST}`, ok / bound >= LEAST)
      figure(`${name}, bucket: neither 200 nor 429`, others, '0', others === 0)
    }
  })

  it('a sliding window of a minute: never more than it lets through, and all of that', async () => {
    const window = () => LimiterFactory.slidingWindow({ rate: WINDOW, per: '1m' })
    for (const { name, ok, limited, handled, seconds } of await over(window)) {
      const what = `200s of ${ok + limited} in ${seconds.toFixed(1)} s`
      figure(`${name}, window: ${what}`, ok, `${WINDOW}`, ok === WINDOW && handled === WINDOW)
    }
  })

  it('a bucket in Redis that all of them share', async () => {
    await using storage = new RedisStorage({ url: inject('redisUrl') })
    const scope = `http-${crypto.randomUUID()}`
    const shared = () =>
      LimiterFactory.tokenBucket({ rate: RATE, per: '1s', burst: BURST, storage, scope })
    const runs = await over(shared)
    const handled = runs.reduce((sum, run) => sum + run.handled, 0)
    const bound = BURST + RATE * Math.max(...runs.map(({ seconds }) => seconds))
    figure('all, shared bucket: handled', handled, `<= ${bound.toFixed(1)}`, handled <= bound)
    const share = handled / bound
    figure('all, shared bucket: of the bound', share, `>= ${LEAST}`, share >= LEAST)
  })
})
