// The same limit with rate-limiter-flexible and with aioflux, and where the two differ.
// biome-ignore-all assist/source/organizeImports: each part has its own.
// #region before
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible'
// #endregion
// #region after
import { LimiterFactory } from 'aioflux'
// #endregion

{
  // #region before
  const limiter = new RateLimiterMemory({ points: 5, duration: 60 })

  async function handle(user: string): Promise<string> {
    try {
      const { remainingPoints } = await limiter.consume(user, 2)
      return `go, ${remainingPoints} left`
    } catch (refused) {
      if (!(refused instanceof RateLimiterRes)) throw refused // an error of the store
      return `wait ${Math.ceil(refused.msBeforeNext / 1000)} s`
    }
  }
  // #endregion
  console.log(await handle('ann')) // => go, 3 left
  console.log(await handle('ann')) // => go, 1 left
  console.log(await handle('ann')) // => wait 60 s
  // The call that was refused was counted: six points of five are used up.
  console.log((await limiter.get('ann'))?.consumedPoints) // => 6
}

{
  // #region after
  const limiter = LimiterFactory.fixedWindow({ rate: 5, per: '1m' })

  async function handle(user: string): Promise<string> {
    const { allowed, remaining, retryAfter } = await limiter.consume(user, 2)
    return allowed ? `go, ${remaining} left` : `wait ${Math.ceil(retryAfter)} s`
  }
  // #endregion
  console.log(await handle('ann')) // => go, 3 left
  console.log(await handle('ann')) // => go, 1 left
  console.log(await handle('ann')) // => wait 60 s
  // The call that was refused cost nothing: a smaller one still passes.
  console.log(await limiter.acquire('ann', 1)) // => true
}
