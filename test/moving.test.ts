import { backoff, CircuitBreaker, LimiterFactory, QueueFactory } from 'aioflux'
import { rateLimitMiddleware } from 'aioflux/http'
import { ManualClock } from 'aioflux/testing'
import Bottleneck from 'bottleneck'
import {
  ConsecutiveBreaker,
  ConstantBackoff,
  CountBreaker,
  circuitBreaker,
  handleAll,
  retry,
} from 'cockatiel'
import express from 'express'
import { rateLimit } from 'express-rate-limit'
import { describe, expect, it, vi } from 'vitest'

// What the guides for moving say of both sides ("What differs in meaning", and rows of their tables), run beside the peer.

const codeOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'passed',
    (error: { code?: unknown; name: string }) => error.code ?? error.name,
  )
const fails = async (): Promise<number> => {
  throw new Error('down')
}
/** A promise that is resolved from outside. */
function gate(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve = () => {}
  const promise = new Promise<void>((done) => {
    resolve = done
  })
  return { promise, resolve }
}

describe('from cockatiel', () => {
  it('maxAttempts: 3 and maxRetries: 3 are four calls', async () => {
    let theirs = 0
    let ours = 0
    const again = retry(handleAll, { maxAttempts: 3, backoff: new ConstantBackoff(1) })
    await codeOf(
      again.execute(() => {
        theirs++
        return fails()
      }),
    )
    const call = () => {
      ours++
      return fails()
    }
    await codeOf(backoff(call, { maxRetries: 3, baseDelay: '1ms' }))
    expect([ours, theirs]).toEqual([4, 4])
  })

  it('a rate opens at the threshold here, above it there', async () => {
    const ours = new CircuitBreaker({ failureRate: 0.5, minimumCalls: 4 })
    const theirs = circuitBreaker(handleAll, {
      halfOpenAfter: 10_000,
      breaker: new CountBreaker({ threshold: 0.5, size: 4, minimumNumberOfCalls: 4 }),
    })
    for (const call of [async () => 1, async () => 1, fails, fails]) {
      await codeOf(ours.call(call))
      await codeOf(theirs.execute(call))
    }
    expect(ours.state).toBe('open')
    expect(await codeOf(theirs.execute(async () => 1))).toBe('passed')
  })

  it('half_open is told when a call comes; the state says so before', async () => {
    const clock = new ManualClock()
    const breaker = new CircuitBreaker({ failureThreshold: 1, timeout: '10s', clock })
    let told = 0
    breaker.on('half_open', () => told++)
    await codeOf(breaker.call(fails))
    clock.advance('10s')
    expect([breaker.state, told]).toEqual(['half_open', 0])
    await breaker.call(() => 1)
    expect(told).toBe(1)
  })

  it('while half open, surplus calls reject here and wait there', async () => {
    const clock = new ManualClock()
    const ours = new CircuitBreaker({ failureThreshold: 1, timeout: '10s', clock })
    await codeOf(ours.call(fails))
    clock.advance('10s')
    const probe = gate()
    const probed = ours.call(() => probe.promise)
    expect(await codeOf(ours.call(() => 1))).toBe('CIRCUIT_OPEN')
    probe.resolve()
    await probed

    const breaker = new ConsecutiveBreaker(1)
    const theirs = circuitBreaker(handleAll, { halfOpenAfter: 0, breaker })
    await codeOf(theirs.execute(fails))
    const other = gate()
    const first = theirs.execute(() => other.promise)
    let ended = false
    const surplus = theirs
      .execute(() => 1)
      .finally(() => {
        ended = true
      })
    await new Promise(setImmediate)
    expect(ended).toBe(false)
    other.resolve()
    await first
    expect(await surplus).toBe(1)
  })
})

describe('from express-rate-limit', () => {
  async function asked(guard: express.RequestHandler, times: number): Promise<Response[]> {
    const app = express()
    app.use(guard)
    app.get('/', (_req, res) => void res.end('hello'))
    const server = app.listen(0, '127.0.0.1')
    try {
      await new Promise((resolve) => server.once('listening', resolve))
      const { port } = server.address() as { port: number }
      const answers: Response[] = []
      for (let i = 0; i < times; i++) answers.push(await fetch(`http://127.0.0.1:${port}/`))
      return answers
    } finally {
      server.closeAllConnections()
      server.close()
    }
  }

  it('a denied request is counted there, and takes nothing here', async () => {
    const theirs = rateLimit({ windowMs: 60_000, limit: 2 })
    await asked(theirs, 5)
    expect(await theirs.getKey('127.0.0.1')).toMatchObject({ totalHits: 5 })
    const limiter = LimiterFactory.fixedWindow({ rate: 2, per: '1m' })
    await asked(rateLimitMiddleware(limiter), 5)
    await limiter.release('127.0.0.1', 1)
    expect(await limiter.peek('127.0.0.1')).toMatchObject({ allowed: true, remaining: 1 })
  })

  it('the fields are X-RateLimit there and those of draft 8 here; the body is text there and a problem here', async () => {
    const [, theirs] = await asked(rateLimit({ windowMs: 60_000, limit: 1 }), 2)
    expect(theirs?.headers.get('x-ratelimit-limit')).toBe('1')
    expect(theirs?.headers.has('ratelimit')).toBe(false)
    expect(theirs?.headers.get('content-type')).toMatch(/^text/)
    const limiter = LimiterFactory.fixedWindow({ rate: 1, per: '1m', name: 'api' })
    const [, ours] = await asked(rateLimitMiddleware(limiter), 2)
    expect(ours?.headers.get('ratelimit-policy')).toBe('"api";q=1;w=60')
    expect(ours?.headers.has('x-ratelimit-limit')).toBe(false)
    expect(ours?.headers.get('content-type')).toBe('application/problem+json')
  })
})

describe('from bottleneck', () => {
  it('a full queue drops the oldest job of the lowest priority, in both', async () => {
    const jobs: [string, ours: number, theirs: number][] = [
      ['high', 9, 0],
      ['low', 0, 9],
      ['low too', 0, 9],
      ['middle', 5, 5],
    ]
    const ours: string[] = []
    const queue = QueueFactory.priority<string, void>({
      handler: (name) => void ours.push(name),
      maxSize: 3,
      overflow: 'drop-oldest',
    })
    for (const [name, priority] of jobs) await queue.put(name, { priority })
    queue.start()
    await queue.onIdle()
    expect(ours).toEqual(['high', 'middle', 'low too'])

    const theirs: string[] = []
    const limiter = new Bottleneck({
      maxConcurrent: 1,
      highWater: 3,
      strategy: Bottleneck.strategy.LEAK,
    })
    const running = gate()
    void limiter.schedule(() => running.promise)
    await vi.waitFor(() => expect(limiter.counts().EXECUTING).toBe(1))
    const ended = jobs.map(([name, , priority]) =>
      limiter.schedule({ priority }, async () => theirs.push(name)).catch(() => {}),
    )
    await vi.waitFor(() => expect(limiter.counts()).toMatchObject({ RECEIVED: 0, QUEUED: 3 }))
    running.resolve()
    await Promise.all(ended)
    expect(theirs).toEqual(['high', 'middle', 'low too'])
  })
})
