import { ensure, ensureSame } from '../law.ts'
import { draft, itemsOf, type StoreDriver } from './driver.ts'
import type { Hearing } from './hearing.ts'
import type { LawText } from './law-text.ts'

/** Waits for a hint that there is something to claim, that `act` is the cause of. */
async function expectWork(
  driver: StoreDriver,
  told: Hearing,
  what: string,
  act: () => Promise<unknown>,
): Promise<void> {
  // A store elsewhere wakes the processes that have asked in vain.
  await driver.none('before the hint')
  const before = told.available
  await act()
  await told.until(`available, ${what}`, () => told.available > before)
}

/** What a store tells its listeners. */
export const hintLaws: readonly LawText[] = [
  {
    name: 'tells that there is something to claim when a job is put, released, retried or redriven',
    async run(driver) {
      const told = driver.listen()
      await expectWork(driver, told, 'after a put', () => driver.put('a'))
      const first = await driver.take()
      await expectWork(driver, told, 'after a release', () => driver.release(first))
      const second = await driver.take()
      await expectWork(driver, told, 'after a retry', () => driver.retry(second))
      const id = (await driver.take()).record.id
      const again = await driver.dead('b')
      await expectWork(driver, told, 'after redrive', async () =>
        driver.store.redrive({ ids: [again] }),
      )
      await driver.expectState(id, 'running', 'of the other job')
      told.end()
    },
  },
  {
    name: 'tells that there is something to claim when the queue goes on after a pause',
    async run(driver) {
      const told = driver.listen()
      await driver.store.pause(true)
      await driver.put('a')
      await driver.none('while it is paused')
      const before = told.available
      await driver.store.pause(false)
      await told.until('available or resumed', () => {
        return told.available > before || told.paused.at(-1) === false
      })
      ensureSame(itemsOf(await driver.takeAll()), 'a', 'claimed')
      told.end()
    },
  },
  {
    name: 'tells that there is something to claim when a delayed job is due',
    needs: ['wakes'],
    async run(driver) {
      const told = driver.listen()
      await driver.put('later', { delay: 100 })
      await expectWork(driver, told, 'when it is due', () => driver.advance(101))
      ensureSame(itemsOf(await driver.takeAll()), 'later', 'claimed')
      told.end()
    },
  },
  {
    name: 'tells that there is something to claim when a job is due that was given back for a time',
    needs: ['wakes'],
    async run(driver) {
      const told = driver.listen()
      await driver.put('a')
      const claim = await driver.take()
      await driver.none('while it runs')
      const before = told.available
      await driver.end(claim, { outcome: 'released', delay: 100, punctual: true })
      await driver.advance(101)
      await told.until('available, when it is due', () => told.available > before)
      ensureSame(itemsOf(await driver.takeAll()), 'a', 'claimed')
      told.end()
    },
  },
  {
    name: 'tells that a claim is lost, and that its job can be claimed',
    needs: ['leases', 'wakes'],
    async run(driver) {
      const told = driver.listen()
      await driver.put('a')
      const claim = await driver.take(1000)
      await expectWork(driver, told, 'when a lease has run out', () => driver.advance(1001))
      await told.until('lost', () => told.lost.length > 0)
      ensureSame(told.lost[0]?.id, claim.record.id, 'id of the lost claim')
      ensureSame(told.lost[0]?.delivery, claim.delivery, 'delivery of the lost claim')
      told.end()
    },
  },
  {
    name: 'tells another process that there is something to claim',
    needs: ['peers'],
    async run(driver) {
      const peer = await driver.peer()
      const told = driver.listen()
      await expectWork(driver, told, 'after a put elsewhere', async () =>
        peer.insert([draft()], { maxSize: 10, overflow: 'refuse' }),
      )
      told.end()
    },
  },
  {
    name: 'tells the holder that its job is cancelled',
    async run(driver) {
      const told = driver.listen()
      const { id } = await driver.put('a')
      const claim = await driver.take()
      await driver.store.cancel(id, 'enough')
      await driver.extend(claim)
      await told.until('cancelled', () => told.cancelled.length > 0)
      const [cancelled] = told.cancelled
      ensureSame(cancelled?.id, id, 'id')
      ensureSame(cancelled?.delivery, claim.delivery, 'delivery')
      ensureSame(cancelled?.reason, 'enough', 'reason')
      told.end()
    },
  },
  {
    name: 'tells the holder that another process has cancelled its job',
    needs: ['peers'],
    async run(driver) {
      const peer = await driver.peer()
      const told = driver.listen()
      const { id } = await driver.put('a')
      const claim = await driver.take()
      ensureSame(await peer.cancel(id, 'enough'), true, 'cancel')
      await driver.extend(claim)
      await told.until('cancelled', () => told.cancelled.length > 0)
      ensureSame(told.cancelled[0]?.reason, 'enough', 'reason')
      told.end()
    },
  },
  {
    name: 'tells how an awaited job ended, each way',
    async run(driver) {
      const told = driver.listen()
      const ids = await driver.putAll(['a', 'b', 'c', 'd'], { awaited: true })
      const [a, b, c, d] = ids.map(({ id }) => id) as [string, string, string, string]
      await driver.complete(await driver.take(), 42)
      await driver.fail(await driver.take(), 'broken')
      await driver.store.cancel(c, 'enough')
      await driver.store.remove(d)
      const expected = { [a]: 'completed', [b]: 'failed', [c]: 'cancelled', [d]: 'gone' }
      for (const [id, state] of Object.entries(expected)) {
        await told.until(`settled of ${state}`, () => told.settled.has(id))
        ensureSame(told.settled.get(id)?.state, state, 'outcome')
      }
      const value = told.settled.get(a)
      ensure(value?.state === 'completed' && value.value === 42, 'the value is not 42')
      told.end()
    },
  },
  {
    name: 'tells the outcome of a job that was asked for after its put',
    async run(driver) {
      const told = driver.listen()
      const { id } = await driver.put('a')
      ensureSame(await driver.store.outcome(id), undefined, 'outcome while it waits')
      await driver.complete(await driver.take(), 42)
      await told.until('settled', () => told.settled.has(id))
      told.end()
    },
  },
  {
    name: 'tells that there is room again after a draft was refused',
    async run(driver) {
      const told = driver.listen()
      const room = { maxSize: 1, overflow: 'refuse' } as const
      await driver.put('a', {}, room)
      ensureSame((await driver.put('b', {}, room)).state, 'full', 'state')
      const before = told.room
      await driver.complete(await driver.take())
      await told.until('room', () => told.room > before)
      told.end()
    },
  },
  {
    name: 'tells other processes of a pause and its end',
    needs: ['peers'],
    async run(driver) {
      const peer = await driver.peer()
      const told = driver.listen()
      const pauseAnew = async () => {
        await peer.pause(false)
        await peer.pause(true)
      }
      await told.untilRepeated('paused', pauseAnew, () => told.paused.includes(true))
      await peer.pause(false)
      await told.until('resumed', () => told.paused.at(-1) === false)
      told.end()
    },
  },
  {
    name: 'tells nothing to a listener that has left',
    async run(driver) {
      const left = driver.listen()
      const stays = driver.listen()
      left.end()
      left.end()
      await expectWork(driver, stays, 'after a put', () => driver.put('a'))
      ensureSame(left.available, 0, 'hints after the listener has left')
      stays.end()
    },
  },
]
