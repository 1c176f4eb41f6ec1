import type { StoredState } from '../../queues/store/job-record.ts'
import { ensure, ensureSame } from '../law.ts'
import { itemsOf, LEASE, type StoreDriver } from './driver.ts'
import type { LawText } from './law-text.ts'

const STATES: readonly StoredState[] = ['waiting', 'delayed', 'running', 'completed', 'dead']

/** What `counts` may be off by where a store counts what waits in slices of time, in milliseconds. */
const COARSE = 1100

const KEEP_ALL = {
  keep: { completed: { age: 1e9, count: 1000 }, dead: { age: 1e9, count: 1000 } },
}

/** What people see of the jobs. */
export const viewLaws: readonly LawText[] = [
  {
    name: 'counts, list and get say the same after every step',
    terms: KEEP_ALL,
    async run(driver) {
      await expectAgreement(driver)
      await driver.putAll(['a', 'b', 'c', 'd', 'e', 'f'])
      await driver.put('later', { delay: 10 })
      await expectAgreement(driver)
      const [a, b, c, d, e] = await driver.store.claim(5, LEASE)
      ensure(a !== undefined && b !== undefined && c !== undefined, 'five claims')
      ensure(d !== undefined && e !== undefined, 'five claims')
      await expectAgreement(driver)
      await driver.complete(a)
      await driver.fail(b)
      await driver.retry(c, 20)
      await driver.release(d)
      await expectAgreement(driver)
      await driver.store.cancel(e.record.id, 'enough')
      await expectAgreement(driver)
      await driver.release(e)
      await driver.advance(21)
      await driver.takeAll()
      await expectAgreement(driver)
      await driver.store.redrive({})
      await driver.store.clear()
      await expectAgreement(driver)
    },
  },
  ...STATES.map(
    (state): LawText => ({
      name: `list gives each ${state} job once, page by page`,
      terms: KEEP_ALL,
      async run(driver) {
        await bring(driver, state, 20)
        await driver.advance(1)
        await bring(driver, state, 5)
        for (const limit of [1, 7, 5, 25, 100]) {
          const jobs = await driver.listed(state, limit)
          ensureSame(jobs.length, 25, `${state} jobs by pages of ${limit}`)
          ensureSame(new Set(jobs.map(({ id }) => id)).size, 25, 'different jobs')
          for (const job of jobs) ensureSame(job.state, state, 'state of a job in the list')
        }
        const page = await driver.store.list(state, 25)
        ensureSame(page.cursor, undefined, 'cursor of a page after which nothing follows')
        const first = await driver.store.list(state, 24)
        ensure(first.cursor !== undefined, 'no cursor where one more job follows')
      },
    }),
  ),
  ...(['waiting', 'delayed', 'dead'] as const).map(
    (state): LawText => ({
      name: `list gives each ${state} job once though others come and go`,
      terms: KEEP_ALL,
      async run(driver) {
        await bring(driver, state, 12)
        const before = await driver.listed(state)
        const first = await driver.store.list(state, 4)
        const gone = first.jobs.slice(0, 2).map(({ id }) => id)
        for (const id of gone) await driver.store.remove(id)
        await bring(driver, state, 2)
        const seen = first.jobs.map(({ id }) => id)
        let { cursor } = first
        while (cursor !== undefined) {
          const page = await driver.store.list(state, 4, cursor)
          seen.push(...page.jobs.map(({ id }) => id))
          cursor = page.cursor
        }
        ensureSame(new Set(seen).size, seen.length, 'different jobs')
        for (const { id } of before) {
          ensure(seen.includes(id), `the job ${id} was there all the time and was not listed`)
        }
      },
    }),
  ),
  {
    name: 'list of a state without jobs is one empty page',
    async run(driver) {
      for (const state of STATES) {
        const page = await driver.store.list(state, 10)
        ensureSame(page.jobs.length, 0, `${state} jobs`)
        ensureSame(page.cursor, undefined, 'cursor')
      }
    },
  },
  {
    name: 'counts tell how long the first due job has waited',
    async run(driver) {
      ensureSame((await driver.store.counts()).oldest, 0, 'oldest in an empty store')
      await driver.put('later', { delay: 60_000 })
      ensureSame((await driver.store.counts()).oldest, 0, 'oldest where none is due')
      await driver.put('a')
      await driver.advance(10_000)
      await driver.put('b')
      await driver.advance(5000)
      const { oldest } = await driver.store.counts()
      ensure(Math.abs(oldest - 15_000) <= COARSE, `oldest is ${oldest} after 15 s`)
      await driver.take()
      const second = (await driver.store.counts()).oldest
      ensure(Math.abs(second - 5000) <= COARSE, `oldest is ${second} after 5 s`)
    },
  },
  {
    name: 'groups are told with the longest backlog first',
    needs: ['groups'],
    async run(driver) {
      await driver.putAll(['a', 'b'], { group: 'short' })
      await driver.putAll(['c', 'd', 'e', 'f'], { group: 'long' })
      await driver.putAll(['g', 'h', 'i'], { group: 'middle' })
      await driver.store.claim(3, LEASE)
      const groups = await driver.store.groups(10)
      const told = groups.map(({ group, waiting, running }) => `${group} ${waiting} ${running}`)
      ensureSame(told.join(), 'long 3 1,middle 2 1,short 1 1', 'group, waiting and running')
      ensureSame((await driver.store.groups(2)).length, 2, 'groups where two are asked for')
      const looked = await driver.store.groups(10, 2)
      ensureSame(looked.length, 2, 'groups where two are looked at')
    },
  },
  {
    name: 'deaths are told by their errors',
    async run(driver) {
      ensureSame((await driver.store.deaths(10)).length, 0, 'deaths in an empty store')
      await driver.dead('a', 'x')
      await driver.advance(100)
      await driver.dead('b', 'y')
      await driver.advance(100)
      await driver.dead('c', 'x')
      const deaths = await driver.store.deaths(10)
      const told = deaths.map(
        ({ error, count, first, last }) => `${error} ${count} ${last - first}`,
      )
      ensureSame(told.sort().join(), 'x 2 200,y 1 0', 'error, count and time between')
      const latest = await driver.store.deaths(10, 2)
      const counts = latest.map(({ error, count }) => `${error} ${count}`)
      ensureSame(counts.sort().join(), 'x 1,y 1', 'errors of the two that died last')
    },
  },
]

/** Brings `count` jobs into a state. */
async function bring(driver: StoreDriver, state: StoredState, count: number): Promise<void> {
  const items = Array.from({ length: count }, (_, i) => `item ${i}`)
  if (state === 'delayed') {
    await driver.putAll(items, { delay: 1e6 })
    return
  }
  await driver.putAll(items)
  if (state === 'waiting') return
  const claims = await driver.takeAll(1e8)
  if (state === 'running') return
  for (const claim of claims) {
    await (state === 'completed' ? driver.complete(claim) : driver.fail(claim))
  }
}

async function expectAgreement(driver: StoreDriver): Promise<void> {
  const counts = await driver.store.counts()
  for (const state of STATES) {
    const jobs = await driver.listed(state, 3)
    if (state !== 'completed') {
      ensureSame(counts[state], jobs.length, `counts say of ${state}: ${itemsOf(jobs)}`)
    }
    for (const { id } of jobs) await driver.expectState(id, state, `of a job listed as ${state}`)
  }
}
