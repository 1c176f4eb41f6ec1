import { CircuitBreaker, LimiterFactory, Metrics } from 'aioflux'
import { ManualClock } from 'aioflux/testing'
import Bottleneck from 'bottleneck'
import { ConsecutiveBreaker, circuitBreaker, handleAll, handleWhenResult } from 'cockatiel'
import fastq from 'fastq'
// @ts-expect-error: it comes without types.
import Opossum from 'opossum'
import PQueue from 'p-queue'
import { Counter, Registry } from 'prom-client'
import { RateLimiterMemory } from 'rate-limiter-flexible'
import { describe, expect, it } from 'vitest'

// The rows of README's tables that a short program can show, each run with the peer that is installed here.

const reasonOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (reason: unknown) => reason,
  )
const fails = async () => {
  throw new Error('down')
}

describe('limits beside rate-limiter-flexible and bottleneck', () => {
  it('a denied call costs nothing', async () => {
    const ours = LimiterFactory.slidingWindow({ rate: 2, per: '1m', clock: new ManualClock() })
    for (let i = 0; i < 5; i++) ours.allow('k')
    await ours.release('k', 2)
    expect((await ours.peek('k')).remaining).toBe(2)
    const theirs = new RateLimiterMemory({ points: 2, duration: 60 })
    for (let i = 0; i < 5; i++) await reasonOf(theirs.consume('k'))
    expect((await theirs.get('k'))?.consumedPoints).toBe(5)
  })

  it('a denial is a value, with the time to wait', async () => {
    const ours = LimiterFactory.tokenBucket({ rate: 1, per: '1m' })
    ours.allow('k')
    expect(await ours.consume('k')).toMatchObject({
      allowed: false,
      retryAfter: expect.any(Number),
    })
    const theirs = new RateLimiterMemory({ points: 1, duration: 60 })
    await theirs.consume('k')
    expect(await reasonOf(theirs.consume('k'))).toMatchObject({ msBeforeNext: expect.any(Number) })
  })

  it('a refund never exceeds the limit', async () => {
    const ours = LimiterFactory.tokenBucket({ rate: 2, per: '1m' })
    ours.allow('k')
    await ours.release('k', 5)
    expect((await ours.peek('k')).remaining).toBe(2)
    const theirs = new RateLimiterMemory({ points: 2, duration: 60 })
    await theirs.consume('k')
    await theirs.reward('k', 5)
    expect((await theirs.get('k'))?.remainingPoints).toBeGreaterThan(2)
    const bottleneck = new Bottleneck({ reservoir: 2 })
    expect(await bottleneck.incrementReservoir(5)).toBe(7)
  })

  it('several limits, all or none', async () => {
    const [first, second] = [
      LimiterFactory.tokenBucket({ rate: 5, per: '1m' }),
      LimiterFactory.tokenBucket({ rate: 1, per: '1m' }),
    ]
    const both = LimiterFactory.composite(first, second)
    for (let i = 0; i < 3; i++) await both.acquire('k')
    expect((await first.peek('k')).remaining).toBe(4)
  })
})

describe('queues beside p-queue and fastq', () => {
  it('priorities: p-queue has them, fastq has not', async () => {
    const order: string[] = []
    const queue = new PQueue({ concurrency: 1, autoStart: false })
    for (const [name, priority] of [
      ['low', 0],
      ['high', 1],
      ['high too', 1],
    ] as const) {
      void queue.add(() => void order.push(name), { priority })
    }
    await queue.start().onIdle()
    expect(order).toEqual(['high', 'high too', 'low'])
    expect(fastq.promise(async () => {}, 1).push).toHaveLength(1)
  })

  it('p-queue ends a call by a timeout and by a signal', async () => {
    const queue = new PQueue()
    const forever = () => new Promise(() => {})
    expect(await reasonOf(queue.add(forever, { timeout: 5 }))).toMatchObject({
      name: 'TimeoutError',
    })
    const controller = new AbortController()
    const added = reasonOf(queue.add(forever, { signal: controller.signal }))
    controller.abort()
    expect(await added).toBeDefined()
  })
})

describe('breakers beside opossum and cockatiel', () => {
  it('a refusal says when to try again', async () => {
    const ours = new CircuitBreaker({
      failureThreshold: 1,
      timeout: '30s',
      clock: new ManualClock(),
    })
    await reasonOf(ours.call(fails))
    expect(await reasonOf(ours.call(fails))).toMatchObject({ code: 'CIRCUIT_OPEN', retryAfter: 30 })
    const opossum = new Opossum(fails, { volumeThreshold: 0 })
    await reasonOf(opossum.fire())
    const refused = (await reasonOf(opossum.fire())) as Error
    expect(refused).toMatchObject({ code: 'EOPENBREAKER' })
    expect(Object.keys(refused)).toEqual(['code'])
    opossum.shutdown()
    const cockatiel = circuitBreaker(handleAll, {
      halfOpenAfter: 30_000,
      breaker: new ConsecutiveBreaker(1),
    })
    await reasonOf(cockatiel.execute(fails))
    const broken = (await reasonOf(cockatiel.execute(fails))) as Error
    expect(broken.name).toBe('Error')
    expect(Object.values(broken).some((value) => typeof value === 'number')).toBe(false)
  })

  it('a value can be a failure', async () => {
    const bad = async () => ({ status: 503 })
    const ours = new CircuitBreaker({
      failureThreshold: 1,
      failedResult: (result) => (result as { status: number }).status >= 500,
    })
    await ours.call(bad)
    expect(ours.state).toBe('open')
    const cockatiel = circuitBreaker(
      handleWhenResult((result) => (result as { status: number }).status >= 500),
      { halfOpenAfter: 30_000, breaker: new ConsecutiveBreaker(1) },
    )
    await cockatiel.execute(bad)
    expect((await reasonOf(cockatiel.execute(bad))) as Error).toBeInstanceOf(Error)
    const opossum = new Opossum(bad, { volumeThreshold: 0, errorThresholdPercentage: 1 })
    await opossum.fire()
    expect(opossum.opened).toBe(false)
    opossum.shutdown()
  })
})

describe('metrics beside prom-client', () => {
  it('different labels are always different series', async () => {
    const registry = new Registry()
    const theirs = new Counter({
      name: 'x',
      help: 'x',
      labelNames: ['a', 'b'],
      registers: [registry],
    })
    theirs.inc({ a: '1,b:2' })
    theirs.inc({ a: '1', b: '2' })
    const series = (await theirs.get()).values
    expect(series).toHaveLength(1)
    const ours = new Metrics().counter('x', { help: 'x' })
    ours.with({ a: '1,b:2' }).inc()
    ours.with({ a: '1', b: '2' }).inc()
    expect([ours.with({ a: '1,b:2' }).value, ours.with({ a: '1', b: '2' }).value]).toEqual([1, 1])
  })
})
