// The README of aioflux for Python, in TypeScript.
import { LimiterFactory, QueueFactory, rateLimit } from 'aioflux'

const processRequest = async () => console.log('processed')
const externalApi = async () => 'answer'
const task = async () => console.log('done')

// #region limiter
const limiter = LimiterFactory.tokenBucket({ rate: 100, per: 60 }) // or '1m'

if (await limiter.acquire('user_123')) {
  await processRequest()
}
// #endregion
// => processed

// #region decorator
const apiCall = rateLimit({ rate: 100, per: 60 })(async () => externalApi())

class Api {
  @rateLimit({ rate: 100, per: 60 })
  async call() {
    return externalApi()
  }
}
// #endregion
console.log(await apiCall(), await new Api().call()) // => answer answer

// #region queue
const queue = QueueFactory.priority({ workers: 5 })
queue.start()

await queue.put(task, { priority: 10 })
// #endregion
await queue.onIdle()
// => done
await queue.stop()

// #region composite
const both = LimiterFactory.composite(
  LimiterFactory.tokenBucket({ rate: 100, per: 60 }),
  LimiterFactory.tokenBucket({ rate: 1000, per: 3600 }),
)
// #endregion
console.log(await both.acquire('user_123')) // => true
