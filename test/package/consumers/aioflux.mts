// A program of a user: what it says about types is checked against the types that the package ships.
import {
  CircuitBreaker,
  createLimiter,
  type Decision,
  isAioFluxError,
  LimiterFactory,
  type LocalLimiter,
  QueueFactory,
  rateLimit,
  Scheduler,
  tokenBucket,
} from 'aioflux'

const limiter: LocalLimiter = createLimiter(tokenBucket({ rate: 100, per: '1m', burst: 20 }))
const decision: Decision = await limiter.consume('user-1')
const atOnce: boolean = limiter.allow('user-1')
// @ts-expect-error a limit needs a rate
LimiterFactory.slidingWindow({ per: '1m' })

const double = rateLimit({ limiter })(async (n: number) => n * 2)
const doubled: number = await double(2)

await using queue = QueueFactory.fifo({ handler: async (url: string) => url.length }).start()
const length: number = await queue.submit('https://example.com')

const breaker = new CircuitBreaker({ failureThreshold: 2 })
const answer: string = await breaker.call(async () => 'yes')

const scheduler = new Scheduler()
scheduler.every('1h', () => {})

export { answer, atOnce, decision, doubled, isAioFluxError, length, scheduler }
