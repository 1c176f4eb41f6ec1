// What README shows, and docs/budgets.md first.
// #region spend
import { LimiterFactory } from 'aioflux'

// #endregion

const ask = async (prompt: string) => ({ text: `about ${prompt}`, usage: { totalTokens: 320 } })

// #region spend
const tokens = LimiterFactory.tokenBucket({ rate: 1000, per: '1d' })

const { text } = await tokens.spend('team-7', 500, async (reservation) => {
  const reply = await ask('limits') // your call of the model
  await reservation.settle(reply.usage.totalTokens) // 320 were used, not 500
  return reply
})
console.log(text, (await tokens.peek('team-7')).remaining) // => about limits 680
// #endregion
