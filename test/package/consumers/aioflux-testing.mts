import { createLimiter, tokenBucket } from 'aioflux'
import { ManualClock } from 'aioflux/testing'

const clock = new ManualClock()
const limiter = createLimiter(tokenBucket({ rate: 1 }), { clock })
limiter.allow()
clock.advance(1000)
export const again: boolean = limiter.allow()
