// What docs/plans.md shows.
import { LimiterFactory } from 'aioflux'

// #region plans
const limiter = LimiterFactory.tokenBucket({
  rate: 10, // for users without a plan
  per: '1m',
  classes: { critical: 1, normal: 0.8, batch: 0.5 },
})
const plans = {
  free: { rate: 60, per: '1m' },
  pro: { rate: 600, per: '1m', burst: 1000 },
  staff: { rate: Infinity },
  suspended: { rate: 0 },
} as const

const decision = await limiter.consume('ann', { quota: plans.free })
// #endregion
console.log(decision.limit, decision.remaining) // => 60 59
// #region upgrade
await limiter.acquire('ann', { quota: plans.free, cost: 59 }) // all of it
const upgraded = await limiter.consume('ann', { quota: plans.pro })
console.log(upgraded.remaining) // => 939
// #endregion
// #region parts
const planOf = new Map<string, keyof typeof plans>([['ann', 'pro']])
const api = LimiterFactory.composite([
  { limiter, quota: (user) => plans[planOf.get(user) ?? 'free'] },
  { limiter: LimiterFactory.tokenBucket({ rate: 5000, name: 'all' }), key: () => 'everybody' },
])
const { parts = [] } = await api.consume('dora')
console.log(parts.map(({ limit }) => limit)) // => [ 60, 5000 ]
// #endregion
// #region classes
const batch = { quota: plans.free, class: 'batch' }
for (let i = 0; i < 30; i++) await limiter.acquire('bob', batch)
console.log(await limiter.acquire('bob', batch)) // => false
console.log(await limiter.acquire('bob', { quota: plans.free, class: 'critical' })) // => true
// #endregion
// #region shadow
const stricter = LimiterFactory.tokenBucket({ rate: 5, per: '1m' })
const comparison = limiter.compare(stricter)
for (let i = 0; i < 10; i++) await limiter.acquire('carl')
await Promise.resolve()
console.log(comparison.stricter, comparison.keys) // => 5 [ { key: 'carl', stricter: 5 } ]
comparison.end()
// #endregion
// #region block
await limiter.block('mallory', Infinity)
console.log((await limiter.consume('mallory')).retryAfter) // => Infinity
await limiter.unblock('mallory')
// #endregion
