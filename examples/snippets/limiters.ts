// What README and docs/limiters.md show.
// biome-ignore-all assist/source/organizeImports: each part has its own.
// #region first quick-start composite
import { LimiterFactory } from 'aioflux'

// #endregion
// #region wrap
import { rateLimit } from 'aioflux'

// #endregion
import { AdaptiveLimiter, isAioFluxError } from 'aioflux'
import { ManualClock } from 'aioflux/testing'

const request = 'request'
const handle = async (what: string) => console.log(`handled ${what}`)
const upload = async () => 'uploaded'

{
  // #region first
  const limiter = LimiterFactory.tokenBucket({ rate: 100, per: '1m' })

  for (let call = 1; call <= 101; call++) {
    const allowed = await limiter.acquire('user-123')
    if (!allowed) console.log(`call ${call} is denied`) // => call 101 is denied
  }
  // #endregion
}

{
  // #region quick-start
  const limiter = LimiterFactory.tokenBucket({ rate: 100, per: '1m' })

  if (await limiter.acquire('user-123')) {
    await handle(request) // your code
  }
  // #endregion
  // => handled request
}

{
  // #region decision
  const limiter = LimiterFactory.tokenBucket({ rate: 2, per: '1m' })

  await limiter.consume('ann', 2) // takes both tokens
  const { allowed, remaining, retryAfter } = await limiter.consume('ann', 2)
  console.log(allowed, remaining, Math.ceil(retryAfter)) // => false 0 60
  // #endregion
}

{
  // #region composite
  const limiter = LimiterFactory.composite(
    LimiterFactory.tokenBucket({ rate: 100, per: '1m', name: 'per minute' }),
    LimiterFactory.slidingWindow({ rate: 1000, per: '1h', name: 'per hour' }),
    { limiter: LimiterFactory.tokenBucket({ rate: 500, per: '1s', name: 'all' }), key: () => '' },
  )

  const { allowed, deniedBy, retryAfter } = await limiter.consume('user-123')
  // #endregion
  console.log(allowed, deniedBy, retryAfter) // => true undefined 0
  await limiter.close()
}

{
  const limiter = LimiterFactory.tokenBucket({ rate: 100, per: '1m' })
  const call = async () => 'called'
  // #region verbs
  await limiter.acquire('user-123') // true or false
  await limiter.consume('user-123', 5) // a decision; this call costs 5
  limiter.allow('user-123') // true or false at once, without a promise; over memory only, it is not there over Redis
  await limiter.peek('user-123') // the decision, without taking anything

  await limiter.wait('user-123', { timeout: '2s' }) // first come, first served; rejects at once when the turn would come too late
  await limiter.schedule('user-123', () => call()) // wait, then run your function

  await limiter.block('user-123', '10m') // deny all its calls for 10 minutes
  await limiter.release('user-123', 5) // give 5 back
  await limiter.reset('user-123') // forget what the key used, and its block
  await limiter.reconfigure({ rate: 200 }) // a new rate; what was used stays used
  // #endregion
  console.log((await limiter.getStats('user-123')).limit) // => 200
}

{
  const fetchResults = async (text: string) => `results for ${text}`
  const readUser = async (user: string) => `profile of ${user}`
  // #region wrap
  const search = rateLimit({ rate: 10, per: '1s' })(async (text: string) => fetchResults(text)) // your function

  class Api {
    @rateLimit({ rate: 100, per: '1m', keyFn: (user: string) => user, onLimit: 'throw' })
    async load(user: string) {
      return readUser(user)
    }
  }
  // #endregion
  console.log(await search('tea'), '-', await new Api().load('ann')) // => results for tea - profile of ann
}

{
  // #region concurrency
  const uploads = LimiterFactory.concurrency({ limit: 4 })

  await uploads.schedule('user-1', () => upload()) // gives the permit back, however it ends

  {
    await using _permit = await uploads.permit('user-1', { timeout: '5s' })
    await upload()
  } // given back here

  const permit = uploads.tryPermit('user-1') // undefined when there is none
  permit?.release()
  // #endregion
  console.log((await uploads.peek('user-1')).remaining) // => 4
}

{
  const callUpstream = async () => 'answer'
  // #region adaptive
  const limiter = LimiterFactory.adaptive({
    initialRate: 50,
    minRate: 5,
    maxRate: 500,
    targetLatency: '300ms', // slower than that is a failure
  })

  if (await limiter.acquire()) {
    const began = performance.now()
    try {
      await callUpstream()
      limiter.reportSuccess((performance.now() - began) / 1000)
    } catch (error) {
      limiter.reportError()
      throw error
    }
  }
  // #endregion
  console.log(limiter instanceof AdaptiveLimiter, limiter.currentRate) // => true 50
}

{
  // #region errors
  const limiter = LimiterFactory.tokenBucket({ rate: 1, per: '1m' })
  await limiter.acquire('ann')
  try {
    await limiter.wait('ann', { timeout: '1s' })
  } catch (error) {
    if (!isAioFluxError(error, 'WAIT_TIMEOUT')) throw error
    console.log('not within a second') // => not within a second
  }
  await limiter.acquire('ann', 5).catch((error) => console.log(error.message))
  // => cost must be at most 1, the most this limit ever holds, got 5
  // #endregion
}

{
  // #region clock
  const clock = new ManualClock()
  const limiter = LimiterFactory.tokenBucket({ rate: 1, per: '1m', clock })
  console.log(limiter.allow(), limiter.allow()) // => true false
  clock.advance('1m')
  console.log(limiter.allow()) // => true
  // #endregion
}

{
  const query = async (_sql: string) => ['row']
  // #region gradient
  const database = LimiterFactory.adaptiveConcurrency({
    minLimit: 4,
    maxLimit: 200,
    classes: { batch: 0.5 },
  })
  const rows = await database.schedule('', () => query('select 1'))
  const more = await database.schedule('', () => query('select 2'), { class: 'batch' })
  // #endregion
  console.log(rows.length + more.length, database.currentLimit) // => 2 20
}

{
  // #region calendar
  const daily = LimiterFactory.fixedWindow({ rate: 1000, align: 'day', timezone: 'Europe/Berlin' })
  // #endregion
  console.log((await daily.consume('ann')).remaining) // => 999
}
