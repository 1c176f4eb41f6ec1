// What docs/storages.md shows.
// #region memory

// #endregion
import { LimiterFactory, MemoryStorage } from 'aioflux'
// #region exam
import { ManualClock, type StorageUnderExam, storageExam } from 'aioflux/testing'

// #endregion

{
  // #region memory
  const storage = new MemoryStorage({ maxKeys: 1_000_000 })
  const api = LimiterFactory.tokenBucket({ rate: 100, per: '1m', storage, scope: 'api' })
  const login = LimiterFactory.tokenBucket({ rate: 5, per: '10m', storage, scope: 'login' })
  // #endregion
  console.log(await api.acquire('ann'), await login.acquire('ann'), storage.size) // => true true 2
}

{
  const storage = new MemoryStorage()
  // #region shared
  const here = LimiterFactory.tokenBucket({ rate: 2, per: '1m', storage, scope: 'mail' })
  const there = LimiterFactory.tokenBucket({ rate: 2, per: '1m', storage, scope: 'mail' })
  console.log(here.allow('ann'), there.allow('ann'), here.allow('ann')) // => true true false
  // #endregion
}

{
  const clock = new ManualClock()
  const storage = new MemoryStorage({ clock })
  // #region values
  await storage.set('session', { user: 'ann' }, '30m')
  console.log(await storage.get('session'), await storage.incr('visits')) // => { user: 'ann' } 1
  // #endregion
  clock.advance('30m')
  console.log(await storage.exists('session')) // => false
}

{
  let passed = 0
  const tests: Promise<void>[] = []
  const it = (_name: string, test: () => void | Promise<void>) =>
    void tests.push(Promise.resolve(test()).then(() => void passed++))
  const MyStorage = MemoryStorage
  // #region exam
  function make(): StorageUnderExam {
    const clock = new ManualClock()
    return { storage: new MyStorage({ clock }), clock, advance: (time) => clock.advance(time) }
  }
  for (const { name, run } of storageExam(make)) it(name, run) // of Vitest, Jest or node:test
  // #endregion
  await Promise.all(tests)
  console.log(passed === tests.length, passed > 20) // => true true
}
