// The same policies with cockatiel and with aioflux.
// biome-ignore-all assist/source/organizeImports: each part has its own.
// #region before
import {
  ConsecutiveBreaker,
  circuitBreaker,
  ExponentialBackoff,
  handleAll,
  retry,
  wrap,
} from 'cockatiel'
// #endregion
import {
  bulkhead,
  fallback,
  handleType,
  SamplingBreaker,
  TimeoutStrategy,
  timeout,
} from 'cockatiel'
// #region after
import { backoff, CircuitBreaker, isAioFluxError } from 'aioflux'
// #endregion
import { LimiterFactory } from 'aioflux'

class NetworkError extends Error {}
let failures = 0
async function loadUser(id: string, _signal?: AbortSignal): Promise<string> {
  if (failures-- > 0) throw new NetworkError('down')
  return `user ${id}`
}

{
  failures = 1
  // #region before
  const breaker = circuitBreaker(handleAll, {
    halfOpenAfter: 10_000,
    breaker: new ConsecutiveBreaker(5),
  })
  const again = retry(handleAll, {
    maxAttempts: 3,
    backoff: new ExponentialBackoff({ initialDelay: 10 }),
  })
  const policy = wrap(again, breaker)

  const user = await policy.execute(({ signal }) => loadUser('ann', signal))
  // #endregion
  console.log(user) // => user ann
}

{
  failures = 1
  // #region after
  const breaker = new CircuitBreaker({ failureThreshold: 5, timeout: '10s' })

  const user = await backoff(({ signal }) => breaker.call(() => loadUser('ann', signal)), {
    maxRetries: 3,
    baseDelay: '10ms',
    retryIf: (error) => !isAioFluxError(error, 'CIRCUIT_OPEN'), // or wait for its retryAfter
  })
  // #endregion
  console.log(user) // => user ann
}

{
  // #region rate-before
  const breaker = circuitBreaker(handleType(NetworkError), {
    halfOpenAfter: 10_000,
    breaker: new SamplingBreaker({ threshold: 0.5, duration: 30_000, minimumRps: 1 }),
  })
  breaker.onBreak(() => console.log('open'))
  // #endregion
  console.log(breaker.state) // => 0
}

{
  // #region rate-after
  const breaker = new CircuitBreaker({
    expectedError: NetworkError,
    failureRate: 0.5,
    window: '30s',
    minimumCalls: 30,
    timeout: '10s',
  })
  breaker.on('open', () => console.log('open'))
  // #endregion
  console.log(breaker.state) // => closed
}

{
  // #region timeout-before
  const limit = timeout(2000, TimeoutStrategy.Aggressive)
  const safe = fallback(handleAll, 'nobody')
  const user = await safe.execute(() => limit.execute(({ signal }) => loadUser('bob', signal)))
  // #endregion
  console.log(user) // => user bob
}

{
  // #region timeout-after
  const breaker = new CircuitBreaker()
  const user = await breaker.call(() => loadUser('bob', AbortSignal.timeout(2000)), {
    fallback: () => 'nobody',
  })
  // #endregion
  console.log(user) // => user bob
}

{
  // #region bulkhead-before
  const limit = bulkhead(12, 4)
  const user = await limit.execute(() => loadUser('cid'))
  // #endregion
  console.log(user) // => user cid
}

{
  // #region bulkhead-after
  const limit = LimiterFactory.concurrency({ limit: 12 })
  const user = await limit.schedule('', () => loadUser('cid'), { timeout: '1s' })
  // #endregion
  console.log(user) // => user cid
}
