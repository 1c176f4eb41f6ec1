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

// Keys that are kept out for a while once they have gone too far.
{
  // #region block-before
  const limiter = new RateLimiterMemory({ points: 1, duration: 60, blockDuration: 600 })
  // #endregion
  await limiter.consume('ann')
  const denied = async () => (await limiter.consume('ann').catch((no) => no)).msBeforeNext
  console.log((await denied()) > 590_000, (await denied()) > 590_000) // => true true
}
{
  // #region block-after
  const limiter = LimiterFactory.fixedWindow({ rate: 1, per: '1m' })
  const blocks = LimiterFactory.fixedWindow({ rate: 1, per: '10m' }) // one block in ten minutes

  async function consume(user: string) {
    const decision = await limiter.consume(user)
    if (!decision.allowed && (await blocks.acquire(user))) await limiter.block(user, '10m')
    return decision
  }
  // #endregion
  await consume('ann')
  await consume('ann')
  console.log((await consume('ann')).retryAfter > 590) // => true
}
