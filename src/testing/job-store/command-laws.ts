import type { Redrive } from '../../queues/store/job-store.ts'
import { ensureSame } from '../law.ts'
import { itemsOf } from './driver.ts'
import type { LawText } from './law-text.ts'

/** What else `redrive` is told beside ids. */
const REDRIVES: readonly (readonly [how: string, rest: Redrive])[] = [
  ['', {}],
  [', also of those with an error', { error: 'x' }],
  [', also of the latest', { latest: 9 }],
]

/** What callers and operators do with jobs. */
export const commandLaws: readonly LawText[] = [
  {
    name: 'a job that waits is cancelled at once',
    async run(driver) {
      const [a, b] = await driver.putAll(['a', 'b', 'c'])
      const later = await driver.put('later', { delay: 10 })
      ensureSame(await driver.store.cancel(b?.id ?? '', 'enough'), true, 'cancel')
      ensureSame(await driver.store.cancel(b?.id ?? '', 'enough'), false, 'cancel again')
      ensureSame(await driver.store.cancel(later.id, 'enough'), true, 'cancel of a delayed job')
      await driver.expectState(b?.id ?? '', undefined, 'of the cancelled job')
      await driver.expectState(a?.id ?? '', 'waiting', 'of another job')
      await driver.advance(11)
      ensureSame(itemsOf(await driver.takeAll()), 'a,c', 'claimed')
      ensureSame((await driver.store.counts()).failed, 0, 'failed')
    },
  },
  {
    name: 'a job that has ended or is unknown is not cancelled',
    async run(driver) {
      const { id } = await driver.put('a')
      await driver.complete(await driver.take())
      ensureSame(await driver.store.cancel(id, 'enough'), false, 'a completed job')
      ensureSame(await driver.store.cancel(await driver.dead('b'), 'enough'), false, 'a dead job')
      ensureSame(await driver.store.cancel('unknown', 'enough'), false, 'an unknown job')
    },
  },
  ...(['failed', 'retry', 'released'] as const).map(
    (outcome): LawText => ({
      name: `a job that is cancelled while it runs keeps its claim, and is over when it is settled as ${outcome}`,
      async run(driver) {
        const { id } = await driver.put('a')
        const claim = await driver.take()
        ensureSame(await driver.store.cancel(id, 'enough'), true, 'cancel')
        await driver.expectState(id, 'running', 'until it is settled')
        ensureSame(await driver.extend(claim), true, 'extend')
        const error = { name: 'Error', message: 'stopped' }
        const ending = outcome === 'failed' ? { outcome, error } : { outcome, delay: 0, error }
        ensureSame(await driver.end(claim, ending), true, 'settle')
        await driver.none('a cancelled job')
        await driver.expectState(id, undefined, 'when it is settled')
        const { dead, failed, running } = await driver.store.counts()
        ensureSame(`${dead}/${failed}/${running}`, '0/0/0', 'dead/failed/running')
      },
    }),
  ),
  {
    name: 'a cancelled job that completes all the same has completed',
    async run(driver) {
      const { id } = await driver.put('a', { awaited: true })
      const claim = await driver.take()
      await driver.store.cancel(id, 'enough')
      ensureSame(await driver.complete(claim, 'done'), true, 'settle')
      ensureSame((await driver.store.outcome(id))?.state, 'completed', 'outcome')
      ensureSame((await driver.store.counts()).completed, 1, 'completed')
    },
  },
  {
    name: 'a cancelled job whose claim is lost is over',
    needs: ['leases'],
    async run(driver) {
      const { id } = await driver.put('a', { awaited: true })
      await driver.take(1000)
      await driver.store.cancel(id, 'enough')
      await driver.advance(1001)
      await driver.none('a cancelled job')
      await driver.expectState(id, undefined, 'after the loss')
      ensureSame((await driver.store.outcome(id))?.state, 'cancelled', 'outcome')
    },
  },
  {
    name: 'remove forgets a job that does not run',
    terms: { keep: { completed: { age: 10_000, count: 10 }, dead: { age: 10_000, count: 10 } } },
    async run(driver) {
      const dead = await driver.dead('dead')
      const completed = await driver.put('completed')
      await driver.complete(await driver.take())
      const running = await driver.put('running')
      const claim = await driver.take()
      const waiting = await driver.put('waiting')
      const delayed = await driver.put('delayed', { delay: 10 })
      for (const id of [dead, completed.id, waiting.id, delayed.id]) {
        const { state } = await driver.stored(id)
        ensureSame(await driver.store.remove(id), true, `remove of a ${state} job`)
        await driver.expectState(id, undefined, 'of a removed job')
        ensureSame(await driver.store.remove(id), false, 'remove again')
      }
      ensureSame(await driver.store.remove(running.id), false, 'remove of a running job')
      ensureSame(await driver.store.remove('unknown'), false, 'remove of an unknown job')
      await driver.advance(11)
      await driver.none('removed jobs')
      ensureSame(await driver.complete(claim), true, 'settle of the running job')
    },
  },
  {
    name: 'clear forgets all jobs that wait, and answers with their items',
    async run(driver) {
      const dead = await driver.dead('dead')
      await driver.putAll(['running', 'a', 'b'])
      await driver.put('delayed', { delay: 10 })
      const claim = await driver.take()
      const items = await driver.store.clear()
      ensureSame(items.map(String).sort().join(), 'a,b,delayed', 'items')
      const { waiting, delayed, running } = await driver.store.counts()
      ensureSame(`${waiting}/${delayed}/${running}`, '0/0/1', 'waiting/delayed/running')
      await driver.advance(11)
      await driver.none('cleared jobs')
      await driver.expectState(dead, 'dead', 'of a dead job')
      ensureSame(await driver.complete(claim), true, 'settle of the running job')
      ensureSame((await driver.store.clear()).length, 0, 'items of the second call')
    },
  },
  {
    name: 'while the queue is paused nothing is claimed, and what runs goes on',
    async run(driver) {
      await driver.putAll(['running', 'a'])
      const claim = await driver.take()
      await driver.store.pause(true)
      await driver.store.pause(true)
      await driver.put('b')
      await driver.put('delayed', { delay: 10 })
      await driver.advance(11)
      await driver.none('while it is paused')
      ensureSame(await driver.extend(claim), true, 'extend')
      ensureSame(await driver.release(claim), true, 'release')
      await driver.none('while it is paused')
      await driver.store.pause(false)
      ensureSame(itemsOf(await driver.takeAll()), 'running,a,b,delayed', 'claimed afterwards')
    },
  },
  {
    name: 'a pause holds for all processes',
    needs: ['peers'],
    async run(driver) {
      const peer = await driver.peer()
      await driver.put('a')
      await peer.pause(true)
      await driver.none('while another process has paused')
      await peer.pause(false)
      ensureSame(itemsOf(await driver.takeAll()), 'a', 'claimed afterwards')
    },
  },
  {
    name: 'redriven jobs wait again behind the others, with their failures forgotten',
    async run(driver) {
      const { id } = await driver.put('a')
      await driver.retry(await driver.take())
      await driver.fail(await driver.take())
      ensureSame((await driver.stored(id)).failures, 2, 'failures of the dead job')
      await driver.put('b')
      await driver.advance(5)
      ensureSame(await driver.store.redrive({}), 1, 'redriven')
      await driver.put('c')
      await driver.expectState(id, 'waiting', 'after redrive')
      const { dead, failed } = await driver.store.counts()
      ensureSame(`${dead}/${failed}`, '0/1', 'dead/failed')
      const claims = await driver.takeAll()
      ensureSame(itemsOf(claims), 'b,a,c', 'order')
      ensureSame(claims[1]?.record.failures, 0, 'failures of the redriven job')
      ensureSame(await driver.store.redrive({}), 0, 'redriven again')
    },
  },
  {
    name: 'redrive takes the ids, the error and the number it is told',
    async run(driver) {
      const one = await driver.dead('one', 'x')
      const two = await driver.dead('two', 'y')
      await driver.dead('three', 'x')
      await driver.dead('four', 'x')
      const { id } = await driver.put('waiting')
      ensureSame(await driver.store.redrive({ ids: ['unknown', id] }), 0, 'of ids not dead')
      ensureSame(await driver.store.redrive({ ids: [two], error: 'x' }), 0, 'of another error')
      ensureSame(await driver.store.redrive({ ids: [one, two, id] }), 2, 'of two ids')
      ensureSame(await driver.store.redrive({ error: 'y' }), 0, 'of an error of no job')
      ensureSame(await driver.store.redrive({ error: '', latest: 9 }), 0, 'of a part of an error')
      await driver.dead('five', 'say "x"')
      ensureSame(
        await driver.store.redrive({ error: 'x', latest: 1 }),
        0,
        'of those that died last',
      )
      ensureSame(
        await driver.store.redrive({ error: 'say "x"', latest: 2 }),
        1,
        'of a quoted error',
      )
      await driver.dead('six', 'z')
      ensureSame(await driver.store.redrive({ latest: 1 }), 1, 'of the last one')
      ensureSame(await driver.store.redrive({ error: 'x', limit: 1 }), 1, 'of one at most')
      ensureSame((await driver.store.counts()).dead, 1, 'dead')
      ensureSame(await driver.store.redrive({ error: 'x' }), 1, 'of the last')
      ensureSame((await driver.takeAll()).length, 7, 'claimed')
    },
  },
  ...REDRIVES.map(
    ([how, rest]): LawText => ({
      name: `redriven jobs line up in the order of their ids${how}`,
      async run(driver) {
        const ids: string[] = []
        for (const item of ['a', 'b', 'c', 'd']) ids.push(await driver.dead(item, 'x'))
        const [a, b, c] = ids as [string, string, string]
        const named = { ids: [c, a, 'unknown', c, b], ...rest }
        ensureSame(await driver.store.redrive({ ...named, limit: 2 }), 2, 'redriven of two')
        ensureSame(await driver.store.redrive(named), 1, 'redriven of one')
        ensureSame(itemsOf(await driver.takeAll()), 'c,a,b', 'order')
      },
    }),
  ),
  {
    name: 'redriven jobs without ids line up in the order in which they died',
    async run(driver) {
      await driver.put('a')
      await driver.put('b')
      const [a, b] = await driver.takeAll()
      for (const claim of [b, a]) if (claim !== undefined) await driver.fail(claim, 'x')
      await driver.dead('c', 'x')
      ensureSame(await driver.store.redrive({ error: 'x', latest: 2 }), 2, 'of the latest two')
      ensureSame(await driver.store.redrive({}), 1, 'of the last')
      ensureSame(itemsOf(await driver.takeAll()), 'a,c,b', 'order')
    },
  },
]
