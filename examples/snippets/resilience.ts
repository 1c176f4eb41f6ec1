// What README and docs/resilience.md show.
// biome-ignore-all assist/source/organizeImports: each part has its own.
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
// #region breaker
import { CircuitBreaker, isAioFluxError } from 'aioflux'
// #endregion
// #region keyed
import { CircuitBreakerRegistry } from 'aioflux'
// #endregion
import { backoff, circuitBreaker, rateLimit } from 'aioflux'

const id = 'ann'
let failures = 0
const fetchUser = async (id: string, _signal?: AbortSignal) => {
  if (failures-- > 0) throw new Error('down')
  return `user ${id}`
}
const cache = { get: (id: string) => `${id} from the cache` }

{
  const server = createServer((_, response) => response.end('user ann')).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  // #region breaker
  const breaker = new CircuitBreaker({
    failureThreshold: 5,
    timeout: '30s', // how long it stays open
    failedResult: (answer) => answer instanceof Response && answer.status >= 500, // fetch does not throw
  })

  try {
    const answer = await breaker.call(() => fetch(url))
    console.log(answer.status) // => 200
  } catch (error) {
    if (!isAioFluxError(error, 'CIRCUIT_OPEN')) throw error
    console.log(`try again in ${breaker.retryAfter} s`)
  }
  // #endregion
  server.close()
  server.closeAllConnections()
}

{
  // #region rates
  const breaker = new CircuitBreaker({
    failureRate: 0.5, // half of
    minimumCalls: 20, // at least 20 calls
    window: '10s', // of the last 10 seconds
    failedResult: (response) => (response as Response).status >= 500, // 5xx are failures too
    timeout: '5s', // open for 5, 10, 20, ... 60 seconds
    timeoutFactor: 2,
    maxTimeout: '1m',
  })
  // #endregion
  console.log(breaker.state) // => closed
}

{
  // #region wrap
  const load = circuitBreaker({
    failureThreshold: 5,
    timeout: '30s',
    fallback: (_error, id: string) => cache.get(id),
  })(async (id: string) => fetchUser(id))
  // #endregion
  failures = 5
  for (let i = 0; i < 5; i++) await load(id)
  failures = 0
  console.log(await load(id)) // => ann from the cache
}

{
  const fetchJson = async (_url: URL) => ({ ok: true })
  const url = new URL('https://api.example.com/users')
  // #region keyed
  const breakers = new CircuitBreakerRegistry({
    name: 'hosts',
    failureThreshold: 5,
    timeout: '30s',
  })

  const answer = await breakers.for(url.host).call(() => fetchJson(url))
  console.log(answer, breakers.stats().keys) // => { ok: true } 1
  // #endregion
}

{
  failures = 2
  // #region backoff
  const user = await backoff(({ signal }) => fetchUser(id, signal), {
    maxRetries: 3,
    baseDelay: '10ms', // then 20, 40: each anything up to that, so that callers spread out
    maxDelay: '1s',
    retryIf: (error) => !isAioFluxError(error, 'CIRCUIT_OPEN'),
  })
  // #endregion
  console.log(user) // => user ann
}

{
  failures = 1
  // #region together
  const pace = rateLimit({ rate: 50, per: '1s' })
  const guard = circuitBreaker({ failureThreshold: 5, timeout: '30s' })

  // From the outside in: try again, at our pace, while the other side is up, for three seconds each.
  const load = guard((id: string) => fetchUser(id, AbortSignal.timeout(3000)))
  const paced = pace(load)
  const user = await backoff(() => paced(id), { baseDelay: '10ms' })
  // #endregion
  console.log(user) // => user ann
}

{
  const breaker = new CircuitBreaker({ name: 'users' })
  // #region isolate
  {
    using _maintenance = breaker.isolate() // by hand, until the end of the block
    console.log(breaker.state) // => isolated
  }
  console.log(breaker.state) // => closed
  // #endregion
}
