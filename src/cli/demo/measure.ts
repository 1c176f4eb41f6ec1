import { LimiterFactory } from '../../limiters/factory.ts'

const MILLIS = 250
const KEYS: readonly string[] = Array.from({ length: 1000 }, (_, i) => `user-${i}`)

/** Decisions a second of a token bucket over a thousand keys: on this machine, right now, in one thread. */
export async function measured(): Promise<{ allow: number; acquire: number }> {
  const limiter = LimiterFactory.tokenBucket({ rate: 100, per: '1s' })
  const allow = () => {
    for (const key of KEYS) limiter.allow(key)
  }
  const acquire = async () => {
    for (const key of KEYS) await limiter.acquire(key)
  }
  return { allow: await perSecond(allow), acquire: await perSecond(acquire) }
}

async function perSecond(round: () => void | Promise<void>): Promise<number> {
  // The engine compiles what runs often; the first rounds are not what a server sees.
  await repeated(round, MILLIS / 5)
  return repeated(round, MILLIS)
}

async function repeated(round: () => void | Promise<void>, millis: number): Promise<number> {
  const start = performance.now()
  let rounds = 0
  let elapsed = 0
  while (elapsed < millis) {
    await round()
    rounds += 1
    elapsed = performance.now() - start
  }
  return (rounds * KEYS.length * 1000) / elapsed
}
