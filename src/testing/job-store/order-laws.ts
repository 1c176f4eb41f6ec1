import { ensureSame } from '../law.ts'
import { itemsOf } from './driver.ts'
import type { LawText } from './law-text.ts'

/** Which job comes next. */
export const orderLaws: readonly LawText[] = [
  {
    name: 'jobs come in the order of their arrival',
    async run(driver) {
      await driver.put('a')
      await driver.putAll(['b', 'c', 'd'])
      await driver.advance(10)
      await driver.put('e')
      ensureSame(itemsOf(await driver.takeAll()), 'a,b,c,d,e', 'order')
    },
  },
  {
    name: 'a higher priority goes first, arrival decides among equals',
    async run(driver) {
      for (const [i, priority] of [0, 5, -3, 5, 0, 10, -3, 1].entries()) {
        await driver.put(`${priority}/${i}`, { priority })
      }
      ensureSame(
        itemsOf(await driver.takeAll()),
        '10/5,5/1,5/3,1/7,0/0,0/4,-3/2,-3/6',
        'order of priority/arrival',
      )
    },
  },
  {
    name: 'fractions and large numbers are priorities',
    async run(driver) {
      for (const priority of [0.25, -1_000_000, 1_000_001, -0.5, 0, 1_000_000, 0.5]) {
        await driver.put(priority, { priority })
      }
      const order = '1000001,1000000,0.5,0.25,0,-0.5,-1000000'
      ensureSame(itemsOf(await driver.takeAll()), order, 'order')
    },
  },
  {
    name: 'a call of insert keeps all its drafts in their order',
    async run(driver) {
      const items = Array.from({ length: 300 }, (_, i) => i)
      await driver.putAll(items)
      ensureSame((await driver.store.counts()).waiting, 300, 'waiting')
      ensureSame(itemsOf(await driver.takeAll()), items.join(), 'order')
    },
  },
  {
    name: 'a released job has its old place',
    async run(driver) {
      await driver.putAll(['a', 'b', 'c'])
      const first = await driver.take()
      const second = await driver.take()
      await driver.put('d')
      ensureSame(await driver.release(second), true, 'release of the second')
      ensureSame(await driver.release(first), true, 'release of the first')
      ensureSame(itemsOf(await driver.takeAll()), 'a,b,c,d', 'order')
    },
  },
  {
    name: 'a released job goes behind a higher priority that came meanwhile',
    async run(driver) {
      await driver.putAll(['a', 'b'], { priority: 1 })
      const first = await driver.take()
      await driver.put('urgent', { priority: 2 })
      await driver.release(first)
      ensureSame(itemsOf(await driver.takeAll()), 'urgent,a,b', 'order')
    },
  },
  {
    name: 'a retried job has its old place when it is due',
    async run(driver) {
      await driver.putAll(['a', 'b', 'c'])
      await driver.retry(await driver.take(), 50)
      await driver.advance(20)
      await driver.put('d')
      await driver.advance(31)
      ensureSame(itemsOf(await driver.takeAll()), 'a,b,c,d', 'order')
    },
  },
  {
    name: 'a job whose claim was lost has its old place',
    needs: ['leases'],
    async run(driver) {
      await driver.putAll(['a', 'b', 'c'])
      await driver.take(1000)
      await driver.advance(1001)
      await driver.put('d')
      ensureSame(itemsOf(await driver.takeAll()), 'a,b,c,d', 'order')
    },
  },
  {
    name: 'a delayed job is not claimed before it is due, and then it is',
    async run(driver) {
      const { id, state } = await driver.put('later', { delay: 100 })
      ensureSame(state, 'delayed', 'state that insert answers')
      await driver.expectState(id, 'delayed', 'after the put')
      await driver.none('at once')
      await driver.advance(99)
      await driver.none('a millisecond early')
      await driver.advance(1)
      ensureSame(itemsOf(await driver.takeAll()), 'later', 'claimed when due')
    },
  },
  {
    name: 'a job with a date is not claimed before it, and then it is',
    async run(driver) {
      const { createdAt } = await driver.stored((await driver.put('now')).id)
      ensureSame(itemsOf(await driver.takeAll()), 'now', 'claimed first')
      const past = await driver.put('past', { at: createdAt - 5000 })
      ensureSame(past.state, 'waiting', 'state of a job whose date is over')
      ensureSame(itemsOf(await driver.takeAll()), 'past', 'claimed with a date that is over')
      const { id, state } = await driver.put('dated', { at: createdAt + 100 })
      ensureSame(state, 'delayed', 'state that insert answers')
      ensureSame((await driver.stored(id)).dueAt, createdAt + 100, 'dueAt')
      await driver.advance(99)
      await driver.none('a millisecond early')
      await driver.advance(1)
      ensureSame(itemsOf(await driver.takeAll()), 'dated', 'claimed when due')
    },
  },
  {
    name: 'delayed jobs come by the moment they are due',
    async run(driver) {
      await driver.put('third', { delay: 300 })
      await driver.put('first', { delay: 100 })
      await driver.put('second', { delay: 200 })
      await driver.advance(150)
      ensureSame(itemsOf(await driver.takeAll()), 'first', 'claimed at 150 ms')
      await driver.advance(200)
      ensureSame(itemsOf(await driver.takeAll()), 'second,third', 'claimed at 350 ms')
    },
  },
  {
    name: 'a delayed job takes its place by the moment it is due',
    async run(driver) {
      await driver.put('due at 100', { delay: 100 })
      await driver.put('put at 0')
      await driver.advance(50)
      await driver.put('put at 50')
      await driver.put('urgent, due at 60', { delay: 10, priority: 1 })
      await driver.advance(100)
      await driver.put('put at 150')
      ensureSame(
        itemsOf(await driver.takeAll()),
        'urgent, due at 60,put at 0,put at 50,due at 100,put at 150',
        'order',
      )
    },
  },
  {
    name: 'a job released with a delay is not claimed before it is over',
    async run(driver) {
      await driver.putAll(['a', 'b'])
      await driver.release(await driver.take(), 100)
      ensureSame(itemsOf(await driver.takeAll()), 'b', 'claimed at once')
      await driver.advance(99)
      await driver.none('a millisecond early')
      await driver.advance(1)
      ensureSame(itemsOf(await driver.takeAll()), 'a', 'claimed when due')
    },
  },
  {
    name: 'a job that is given another priority moves, and keeps its arrival among its equals',
    async run(driver) {
      const [a, b] = await driver.putAll(['a', 'b', 'c'], { priority: 1 })
      await driver.putAll(['x', 'y'], { priority: 5 })
      ensureSame(await driver.store.reprioritise(b?.id ?? '', 5), true, 'reprioritise')
      ensureSame((await driver.stored(b?.id ?? '')).priority, 5, 'priority')
      ensureSame(await driver.store.reprioritise(a?.id ?? '', 0), true, 'reprioritise')
      const { id } = await driver.put('later', { delay: 10 })
      ensureSame(await driver.store.reprioritise(id, 9), true, 'reprioritise of a delayed job')
      await driver.advance(11)
      ensureSame(itemsOf(await driver.takeAll()), 'later,b,x,y,c,a', 'order')
    },
  },
  {
    name: 'only jobs that wait can be given another priority',
    async run(driver) {
      const { id } = await driver.put('a')
      const claim = await driver.take()
      ensureSame(await driver.store.reprioritise(id, 5), false, 'a job that runs')
      await driver.complete(claim)
      ensureSame(await driver.store.reprioritise(id, 5), false, 'a job that has ended')
      ensureSame(await driver.store.reprioritise('unknown', 5), false, 'an unknown job')
      const dead = await driver.dead('b')
      ensureSame(await driver.store.reprioritise(dead, 5), false, 'a dead job')
    },
  },
]
