// The same breaker with opossum and with aioflux.
// biome-ignore-all assist/source/organizeImports: each part has its own.
// #region before
// @ts-expect-error: opossum brings no types
import Opossum from 'opossum'
// #endregion
// #region after
import { CircuitBreaker } from 'aioflux'
// #endregion

let up = true
async function loadUser(id: string, _signal?: AbortSignal): Promise<string> {
  if (!up) throw new Error('down')
  return `user ${id}`
}

{
  // #region before
  const breaker = new Opossum(loadUser, {
    timeout: 3000, // a call may take so many milliseconds
    errorThresholdPercentage: 50,
    volumeThreshold: 4,
    rollingCountTimeout: 10_000,
    resetTimeout: 30_000,
  })
  breaker.fallback((id: string) => `${id} from the cache`)
  breaker.on('open', () => console.log('open'))

  const user = await breaker.fire('ann')
  // #endregion
  console.log(user) // => user ann
  up = false
  for (let i = 0; i < 3; i++) await breaker.fire('ann')
  // => open
  console.log(await breaker.fire('ann')) // => ann from the cache
  breaker.shutdown()
}

up = true
{
  // #region after
  const breaker = new CircuitBreaker({
    failureRate: 0.5,
    minimumCalls: 4,
    window: '10s',
    timeout: '30s', // it stays open for so long
  })
  breaker.on('open', () => console.log('open'))

  const load = (id: string) => {
    const signal = AbortSignal.timeout(3000) // a call may take so long
    return breaker.call(() => loadUser(id, signal), { fallback: () => `${id} from the cache` })
  }
  const user = await load('ann')
  // #endregion
  console.log(user) // => user ann
  up = false
  for (let i = 0; i < 3; i++) await load('ann')
  // => open
  console.log(await load('ann')) // => ann from the cache
}
