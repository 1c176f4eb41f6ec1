import { ensureSame } from '../law.ts'
import { itemsOf } from './driver.ts'
import type { LawText } from './law-text.ts'

const refuse = { maxSize: 3, overflow: 'refuse' } as const
const drop = { maxSize: 3, overflow: 'drop-oldest' } as const

/** What happens where a store is full. */
export const roomLaws: readonly LawText[] = [
  {
    name: 'a full store refuses, and takes again when there is room',
    async run(driver) {
      const answers = await driver.putAll(['a', 'b', 'c', 'd', 'e'], {}, refuse)
      const states = answers.map(({ state }) => state).join()
      ensureSame(states, 'waiting,waiting,waiting,full,full', 'states')
      ensureSame((await driver.store.counts()).waiting, 3, 'waiting')
      await driver.take()
      ensureSame((await driver.put('f', {}, refuse)).state, 'waiting', 'state with room')
      ensureSame((await driver.put('g', {}, refuse)).state, 'full', 'state without room')
      ensureSame(itemsOf(await driver.takeAll()), 'b,c,f', 'claimed')
    },
  },
  {
    name: 'delayed jobs take room, running ones do not',
    async run(driver) {
      await driver.putAll(['a', 'b'], { delay: 100 }, refuse)
      await driver.put('c', {}, refuse)
      ensureSame((await driver.put('d', {}, refuse)).state, 'full', 'state without room')
      const claim = await driver.take()
      ensureSame((await driver.put('e', {}, refuse)).state, 'waiting', 'state with room')
      await driver.release(claim)
      ensureSame((await driver.put('f', {}, refuse)).state, 'full', 'state after a release')
    },
  },
  {
    name: 'a duplicate is told where a store is full',
    async run(driver) {
      await driver.put('a', { id: 'key' }, refuse)
      await driver.putAll(['b', 'c'], {}, refuse)
      ensureSame((await driver.put('d', { id: 'key' }, refuse)).state, 'duplicate', 'state')
    },
  },
  {
    name: 'the id of a refused draft can be put again',
    async run(driver) {
      await driver.putAll(['a', 'b', 'c'], {}, refuse)
      ensureSame((await driver.put('d', { id: 'key' }, refuse)).state, 'full', 'state')
      await driver.takeAll()
      ensureSame((await driver.put('d', { id: 'key' }, refuse)).state, 'waiting', 'state')
    },
  },
  {
    name: 'where the oldest is dropped it makes room for the newest',
    async run(driver) {
      const first = await driver.putAll(['a', 'b', 'c'], {}, drop)
      await driver.advance(10)
      const answer = await driver.put('d', {}, drop)
      ensureSame(answer.state, 'waiting', 'state')
      ensureSame(answer.dropped?.join(), first[0]?.id, 'dropped')
      await driver.expectState(first[0]?.id ?? '', undefined, 'of the dropped job')
      await driver.advance(10)
      const [e, f] = await driver.putAll(['e', 'f'], {}, drop)
      const dropped = [...(e?.dropped ?? []), ...(f?.dropped ?? [])].join()
      ensureSame(dropped, `${first[1]?.id},${first[2]?.id}`, 'dropped')
      ensureSame(itemsOf(await driver.takeAll()), 'd,e,f', 'claimed')
    },
  },
  {
    name: 'the newest comes in where it ranks lowest: the longest waiting one of the next rank makes room',
    async run(driver) {
      const first = await driver.putAll(['a', 'b', 'c'], { priority: 1 }, drop)
      await driver.advance(10)
      const answer = await driver.put('d', { priority: -1 }, drop)
      ensureSame(answer.state, 'waiting', 'state')
      ensureSame(answer.dropped?.join(), first[0]?.id, 'dropped')
      const delayed = await driver.put('e', { delay: 10 }, drop)
      ensureSame(delayed.dropped?.join(), answer.id, 'dropped by a delayed one')
      await driver.advance(10)
      ensureSame(itemsOf(await driver.takeAll()), 'b,c,e', 'claimed')
    },
  },
  {
    name: 'the lowest priority gives way, of whichever group',
    needs: ['groups'],
    async run(driver) {
      await driver.put('a', { group: 'A', priority: 1 }, drop)
      await driver.advance(10)
      const low = await driver.put('b', { group: 'B', priority: -1 }, drop)
      await driver.put('c', { group: 'C' }, drop)
      const answer = await driver.put('d', { group: 'A' }, drop)
      ensureSame(answer.dropped?.join(), low.id, 'dropped')
    },
  },
]
