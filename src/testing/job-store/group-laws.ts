import type { Claim } from '../../queues/store/job-store.ts'
import { ensure, ensureSame } from '../law.ts'
import { itemsOf, LEASE, type StoreDriver } from './driver.ts'
import type { LawText } from './law-text.ts'

/** How groups share the workers. */
const texts: readonly LawText[] = [
  {
    name: 'groups take turns, however long the backlog of one is',
    async run(driver) {
      await fill(driver, 'big', 30)
      for (const group of ['a', 'b', 'c']) await fill(driver, group, 5)
      const groups = groupsOf(await driver.takeAll())
      for (let served = 4; served <= 20; served += 4) {
        for (const group of ['big', 'a', 'b', 'c']) {
          const count = groups.slice(0, served).filter((other) => other === group).length
          ensureSame(count, served / 4, `turns of ${group} among the first ${served}`)
        }
      }
      ensureSame(groups.length, 45, 'claimed')
    },
  },
  {
    name: 'groups take turns within one call of claim',
    async run(driver) {
      await fill(driver, 'big', 30)
      await fill(driver, 'small', 5)
      const groups = groupsOf(await driver.store.claim(10, LEASE))
      ensureSame(groups.filter((group) => group === 'small').length, 5, 'turns of small')
    },
  },
  {
    name: 'a group of weight 2 has two turns where others have one',
    async run(driver) {
      await fill(driver, 'one', 40, 1)
      await fill(driver, 'two', 40, 2)
      const groups = groupsOf(await driver.store.claim(30, LEASE))
      for (let served = 1; served <= 30; served++) {
        const one = groups.slice(0, served).filter((group) => group === 'one').length
        const gap = Math.abs(one - (served - one) / 2)
        ensure(gap <= 1.5 + 1e-9, `${one} turns of one among the first ${served}`)
      }
    },
  },
  {
    name: 'a group that comes later has its turn within one round, and no more than its share',
    async run(driver) {
      await fill(driver, 'a', 40)
      await fill(driver, 'b', 40)
      await driver.store.claim(20, LEASE)
      await fill(driver, 'new', 40)
      const groups = groupsOf(await driver.store.claim(12, LEASE))
      ensure(groups.slice(0, 6).includes('new'), 'the new group waits longer than a round')
      const turns = groups.filter((group) => group === 'new').length
      ensure(turns >= 3 && turns <= 5, `${turns} of 12 turns for one of three groups`)
    },
  },
  {
    name: 'in a group priority and arrival decide',
    async run(driver) {
      for (const group of ['a', 'b']) {
        await driver.put(`${group} low`, { group, priority: 1 })
        await driver.put(`${group} high`, { group, priority: 5 })
        await driver.put(`${group} low too`, { group, priority: 1 })
      }
      const items = itemsOf(await driver.takeAll()).split(',')
      for (const group of ['a', 'b']) {
        const own = items.filter((item) => item.startsWith(group)).join()
        ensureSame(own, `${group} high,${group} low,${group} low too`, `order in ${group}`)
      }
    },
  },
  {
    name: 'no more jobs of a group run at once than its bound, and others go on',
    terms: { groupConcurrency: 2 },
    async run(driver) {
      await fill(driver, 'a', 5)
      await fill(driver, 'b', 1)
      const claims = await driver.store.claim(10, LEASE)
      ensureSame(groupsOf(claims).sort().join(), 'a,a,b', 'claimed')
      await driver.none('of a group at its bound')
      await fill(driver, 'c', 1)
      ensureSame(groupsOf(await driver.takeAll()).join(), 'c', 'claimed of another group')
    },
  },
  ...(['completed', 'failed', 'retry', 'released', 'cancelled'] as const).map(
    (outcome): LawText => ({
      name: `a job that is ${outcome} gives its place in the bound to the next one of its group`,
      terms: { groupConcurrency: 1 },
      async run(driver) {
        await fill(driver, 'a', 2)
        const claim = await driver.take()
        await driver.none('of a group at its bound')
        if (outcome === 'cancelled') {
          await driver.store.cancel(claim.record.id, 'enough')
          await driver.none('while the cancelled job still runs')
          await driver.release(claim)
        } else if (outcome === 'completed') await driver.complete(claim)
        else if (outcome === 'failed') await driver.fail(claim)
        else if (outcome === 'retry') await driver.retry(claim, 50)
        else await driver.release(claim, 50)
        ensureSame(itemsOf(await driver.takeAll()), 'a 1', 'claimed')
      },
    }),
  ),
  {
    name: 'a claim that is lost gives its place in the bound back',
    needs: ['leases'],
    terms: { groupConcurrency: 1 },
    async run(driver) {
      await fill(driver, 'a', 2)
      await driver.take(1000)
      await driver.none('of a group at its bound')
      await driver.advance(1001)
      ensureSame(itemsOf(await driver.takeAll()), 'a 0', 'claimed')
    },
  },
  {
    name: 'delayed and redriven jobs of a group keep to its turns and its bound',
    terms: { groupConcurrency: 1 },
    async run(driver) {
      const dead = await driver.dead('dead', 'broken', { group: 'a' })
      await driver.putAll(['later', 'later too'], { group: 'a', delay: 100 })
      await driver.store.redrive({ ids: [dead] })
      const claim = await driver.take()
      ensureSame(claim.record.item, 'dead', 'claimed')
      await driver.advance(101)
      await driver.none('of a group at its bound')
      await driver.complete(claim)
      ensureSame(itemsOf(await driver.takeAll()), 'later', 'claimed when the bound allows')
    },
  },
]

export const groupLaws: readonly LawText[] = texts.map(
  (text): LawText => ({ ...text, needs: ['groups', ...(text.needs ?? [])] }),
)

async function fill(
  driver: StoreDriver,
  group: string,
  count: number,
  groupWeight?: number,
): Promise<void> {
  const items = Array.from({ length: count }, (_, i) => `${group} ${i}`)
  await driver.putAll(items, { group, groupWeight })
}

function groupsOf(claims: readonly Claim[]): string[] {
  return claims.map(({ record }) => String(record.group))
}
