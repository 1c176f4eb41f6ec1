// Limits in one process: ask, wait, compose, decorate. Run it: npx tsx examples/01-basic-rate-limiting.ts
import { isAioFluxError, LimiterFactory, rateLimit } from 'aioflux'

// At most 3 at once, then one every 20 seconds, for each user.
const limiter = LimiterFactory.tokenBucket({ rate: 3, per: '1m' })
for (let i = 1; i <= 4; i++) {
  console.log(`call ${i}: ${(await limiter.acquire('ann')) ? 'go' : 'no'}`)
}
// => call 1: go
// => call 2: go
// => call 3: go
// => call 4: no
const decision = await limiter.consume('ann')
console.log(`again in ${Math.round(decision.retryAfter)} s`) // => again in 20 s
console.log(`bob has ${(await limiter.peek('bob')).remaining} left`) // => bob has 3 left

// Two limits at once, all or none: a denial by one costs nothing at the other.
const both = LimiterFactory.composite(
  LimiterFactory.tokenBucket({ rate: 2, per: '1m', name: 'per minute' }),
  LimiterFactory.slidingWindow({ rate: 100, per: '1h', name: 'per hour' }),
)
await both.acquire('ann', 2)
console.log(`denied by: ${(await both.consume('ann')).deniedBy}`) // => denied by: per minute

// Wait for a turn, first come, first served; what cannot come in time is refused at once.
const steady = LimiterFactory.leakyBucket({ rate: 50, per: '1s' })
const started = performance.now()
await Promise.all([1, 2, 3].map((n) => steady.schedule('', () => n)))
console.log(`three calls took 40 ms or more: ${performance.now() - started >= 40}`) // => three calls took 40 ms or more: true
try {
  await limiter.wait('ann', { timeout: '1s' })
} catch (error) {
  if (isAioFluxError(error, 'WAIT_TIMEOUT')) console.log('not within a second') // => not within a second
}

// How many at once, given back by themselves.
const permits = LimiterFactory.concurrency({ limit: 1 })
{
  await using _permit = await permits.permit('printer')
  console.log(`a second one: ${permits.tryPermit('printer') ?? 'busy'}`) // => a second one: busy
}

// Round a function, or as @rateLimit on a method.
const ping = rateLimit({ rate: 1, per: '1m', onLimit: 'throw' })(async () => 'pong')
console.log(await ping()) // => pong
await ping().catch((error) => console.log(error.code)) // => LIMIT_EXCEEDED
