import { CircuitBreaker, LimiterFactory, QueueFactory, Scheduler } from 'aioflux'
import { type DashboardOptions, dashboard } from 'aioflux/dashboard'
import { describe, expect, it } from 'vitest'

const api = () => LimiterFactory.tokenBucket({ rate: 1, name: 'api' })

describe('the options of a dashboard', () => {
  const access = () => 'read' as const
  const wrong: [string, object, RegExp][] = [
    ['no access', {}, /access must be a function, got undefined/],
    ['access that is no function', { access: 'all' }, /access must be a function, got 'all'/],
    ['a misspelt one', { access, limiter: [api()] }, /limiter/],
    ['no array', { access, queues: new Map() }, /queues must be an array/],
    ['something that is no part', { access, breakers: [{}] }, /each of breakers must have isolate/],
    ['nothing', { access, pools: [undefined] }, /each of pools must have stats\(\), got undefined/],
    ['two of one name', { access, limiters: [api(), api()] }, /limiters .* 'api' twice/],
    [
      'two without a name',
      { access, queues: [QueueFactory.fifo(), QueueFactory.fifo()] },
      /queues .*twice/,
    ],
    ['a base path without a slash', { access, basePath: 'flow' }, /basePath .* got 'flow'/],
    ['a base path with a query', { access, basePath: '/flow?x' }, /basePath/],
    ['a history that is none', { access, history: -1 }, /history/],
    ['a history without end', { access, history: '2d' }, /history must be at most 1 day, got '2d'/],
    ['show that is no function', { access, show: 'all' }, /show must be a function/],
    ['a storage that is none', { access, storage: {} }, /storage must have open/],
    ['metrics that are none', { access, metrics: {} }, /metrics must have getStats/],
    ['a title that is none', { access, title: 7 }, /title must be a string, got 7/],
  ]
  it.each(wrong)('refuses %s', (_, options, message) => {
    expect(() => dashboard(options as DashboardOptions)).toThrow(message)
  })

  it('refuses jobs of one name in two schedulers', () => {
    const [one, two] = [new Scheduler(), new Scheduler()]
    for (const each of [one, two]) each.every('1h', () => {}, { name: 'report' })
    expect(() => dashboard({ schedulers: [one, two], access })).toThrow(/'report' twice/)
  })

  it('lets parts of different kinds have one name', async () => {
    const breaker = new CircuitBreaker({ name: 'api' })
    await dashboard({ limiters: [api()], breakers: [breaker], access }).close()
  })
})
