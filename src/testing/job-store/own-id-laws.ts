import { ensure, ensureSame } from '../law.ts'
import { itemsOf } from './driver.ts'
import type { LawText } from './law-text.ts'
import { expectDuplicate, latest, law, pending, ttl } from './unique-law.ts'

/** What happens to a job whose own id is taken, and to the id when the job has ended. */
export const ownIdLaws: readonly LawText[] = [
  {
    name: 'an id of the caller is taken once, while its job is there and for a time after it',
    terms: { idTtl: 1000 },
    async run(driver) {
      const put = (item: unknown) => driver.put(item, { id: 'key' })
      ensureSame((await put('a')).state, 'waiting', 'state that insert answers')
      expectDuplicate(await put('b'), 'key', 'while it waits')
      const claim = await driver.take()
      expectDuplicate(await put('b'), 'key', 'while it runs')
      ensureSame((await driver.stored('key')).item, 'a', 'item')
      await driver.complete(claim)
      expectDuplicate(await put('b'), 'key', 'when it has completed')
      await driver.advance(999)
      expectDuplicate(await put('b'), 'key', 'just before the id is forgotten')
      await driver.none('of all these')
      await driver.advance(2)
      ensureSame((await put('b')).state, 'waiting', 'state when the id is forgotten')
      ensureSame(itemsOf(await driver.takeAll()), 'b', 'claimed')
    },
  },
  {
    name: 'an id of the caller that is remembered can be removed, and is free then',
    terms: { idTtl: 1000 },
    async run(driver) {
      const put = (item: unknown) => driver.put(item, { id: 'key' })
      await put('a')
      await driver.complete(await driver.take())
      ensureSame(await driver.store.remove('key'), true, 'remove')
      ensureSame(await driver.store.remove('key'), false, 'remove again')
      ensureSame((await put('b')).state, 'waiting', 'state when it was removed')
      await driver.complete(await driver.take())
      await driver.advance(1001)
      ensureSame(await driver.store.remove('key'), false, 'remove when the id is forgotten')
    },
  },
  {
    name: 'an id of the caller is taken while its job is dead, and redrive brings the first item back',
    async run(driver) {
      const id = await driver.dead('a', 'broken', { id: 'key' })
      expectDuplicate(await driver.put('b', { id }), 'key', 'while the job is dead')
      await driver.store.redrive({ ids: [id] })
      expectDuplicate(await driver.put('b', { id }), 'key', 'after redrive')
      ensureSame(itemsOf(await driver.takeAll()), 'a', 'claimed')
    },
  },
  ...(['makes room', 'is cleared'] as const).map(
    (how): LawText => ({
      name: `an id of the caller is free when its job ${how}, also of a job that was dead before`,
      async run(driver) {
        for (const before of ['new', 'redriven'] as const) {
          if (before === 'new') await driver.put('a', { id: 'key' })
          else {
            const id = await driver.dead('a', 'broken', { id: 'key' })
            await driver.store.redrive({ ids: [id] })
          }
          if (how === 'is cleared') await driver.store.clear()
          else await driver.put('b', {}, { maxSize: 1, overflow: 'drop-oldest' })
          const { state } = await driver.put('c', { id: 'key' })
          ensureSame(state, 'waiting', `state of a put after a ${before} job`)
          await driver.store.clear()
        }
      },
    }),
  ),
  {
    name: 'an id that comes twice in one call of insert is kept once',
    async run(driver) {
      const answers = await driver.putAll(['a', 'b', 'c'], { id: 'key' })
      const states = answers.map(({ state }) => state).join()
      ensureSame(states, 'waiting,duplicate,duplicate', 'states')
      ensureSame(itemsOf(await driver.takeAll()), 'a', 'claimed')
    },
  },
  {
    name: 'a job has no outcome of an older one with its id',
    terms: { idTtl: 0 },
    async run(driver) {
      const put = (item: unknown, awaited = false) => driver.put(item, { id: 'key', awaited })
      await put('a', true)
      await driver.complete(await driver.take(), 'of a')
      await put('b')
      ensureSame(await driver.store.outcome('key'), undefined, 'outcome while the second waits')
      await driver.complete(await driver.take(), 'of b')
      const outcome = await driver.store.outcome('key')
      ensure(outcome?.state === 'completed', `outcome is ${outcome?.state}`)
      ensureSame(outcome.value, 'of b', 'value')
    },
  },
  {
    name: 'an outcome tells the claim that it comes from, of whichever job with the id',
    terms: { idTtl: 0 },
    async run(driver) {
      const runs = new Set<string | undefined>()
      for (const ending of ['complete', 'fail', 'complete'] as const) {
        await driver.put('a', { id: 'key', awaited: true })
        await driver.release(await driver.take())
        const claim = await driver.take()
        await driver[ending](claim)
        const outcome = await driver.store.outcome('key')
        ensure(claim.run !== undefined, 'the claim of a job with an own id has no run')
        ensureSame(outcome?.run, claim.run, 'run of the outcome')
        runs.add(claim.run)
        await driver.store.remove('key')
      }
      ensureSame(runs.size, 3, 'different runs of three jobs')
    },
  },
  {
    name: 'a late claim of a job does not settle a later one with its id',
    needs: ['leases'],
    terms: { idTtl: 0 },
    async run(driver) {
      await driver.put('a', { id: 'key' })
      const late = await driver.take(1000)
      await driver.advance(1001)
      await driver.complete(await driver.take())
      ensureSame((await driver.put('b', { id: 'key' })).state, 'waiting', 'state of the second')
      const claim = await driver.take()
      ensureSame(await driver.complete(late), false, 'settle by the late claim')
      ensureSame(await driver.extend(late), false, 'extend by the late claim')
      ensureSame(await driver.complete(claim), true, 'settle')
    },
  },
  law(pending, 'an own id is no key, and a key is no own id', async (driver, put) => {
    const a = await put('a', { id: 'own' })
    ensureSame(a.id, 'own', 'id of the first')
    const keyed = (key: string) => ({ unique: { ...pending, key } })
    const b = await put('b', keyed('own'))
    ensureSame(b.state, 'waiting', 'state of a key that is the own id of another job')
    expectDuplicate(await put('c', { id: 'other' }), 'own', 'of another own id with that key')
    expectDuplicate(await put('d', { id: 'own', ...keyed('else') }), 'own', 'of that own id')
    const e = await put('e', { id: 'key', ...keyed('else') })
    ensureSame(e.state, 'waiting', 'state of an own id that is the key of another job')
    ensureSame(itemsOf(await driver.takeAll()), 'a,b,e', 'claimed')
  }),
  law(pending, 'an own id is remembered when its key is free', async (driver, put) => {
    for (const [item, ending] of [
      ['a', 'complete'],
      ['b', 'fail'],
    ] as const) {
      await put(item, { id: item })
      ensureSame(await driver[ending](await driver.take()), true, 'settle')
      expectDuplicate(await put('x', { id: item }), item, `of the own id, when it was to ${ending}`)
    }
    ensureSame((await put('c')).state, 'waiting', 'state of the key')
  }),
  law(ttl, 'a key is not that of a later job with the same own id', async (driver, put) => {
    await put('a', { id: 'own' })
    await driver.complete(await driver.take())
    await driver.store.remove('own')
    const other = { id: 'own', unique: { ...ttl, key: 'other' } }
    ensureSame((await put('b', other)).state, 'waiting', 'state of the later job')
    await driver.advance(1001)
    ensureSame((await put('c')).state, 'waiting', 'state when the time of the key is over')
    ensureSame(itemsOf(await driver.takeAll()), 'b,c', 'claimed')
  }),
  law(pending, 'a long key, and a long own id, are told apart from others', async (driver, put) => {
    const long = 'long '.repeat(40)
    const keyed = (key: string) => ({ unique: { ...pending, key } })
    const { id } = await put('a', { id: long, ...keyed(long) })
    ensureSame(id, long, 'id')
    expectDuplicate(await put('b', keyed(long)), long, 'of the long key')
    ensureSame((await put('c', keyed(`${long}er`))).state, 'waiting', 'state of a longer key')
    const claim = await driver.take()
    ensureSame(claim.record.id, long, 'id of the claim')
    ensureSame(await driver.complete(claim), true, 'settle')
  }),
  ...(['waits', 'runs'] as const).flatMap((when) =>
    (['complete', 'fail', 'clear'] as const).map((end) =>
      law(
        latest,
        `an own id of an item that takes the place of another is taken, where that ${when}, until its job is to ${end}`,
        async (driver, put) => {
          const first = await put('a', { id: 'first' })
          const claims = when === 'runs' ? [await driver.take()] : []
          for (const id of ['second', 'third']) expectDuplicate(await put(id, { id }), 'first', id)
          const keyed = { unique: { ...latest, key: 'other' } }
          for (const id of ['third', 'second']) {
            const met = await put('x', { id, ...keyed })
            expectDuplicate(met, first.id, `of ${id}`)
            ensureSame(met.own, true, `the put of ${id} is known by its own id`)
          }
          for (const claim of claims) await driver.complete(claim)
          expectDuplicate(await put('x', { id: 'second', ...keyed }), first.id, 'before its end')
          if (end === 'clear') await driver.store.clear()
          else {
            const claim = await driver.take()
            ensureSame(claim.record.item, 'third', 'item')
            await driver[end](claim)
          }
          for (const id of ['second', 'third']) {
            const { state } = await put(id, { id, unique: { ...latest, key: id } })
            ensureSame(state, end === 'clear' ? 'waiting' : 'duplicate', `state of ${id} then`)
          }
        },
      ),
    ),
  ),
  ...(['waits', 'runs'] as const).map((when) =>
    law(
      latest,
      `an own id stays with its job, where the first one ${when}`,
      async (driver, put) => {
        const long = 'long '.repeat(40)
        await put('a', { id: long })
        const claims = when === 'runs' ? [await driver.take()] : []
        expectDuplicate(await put('b', { id: `${long}er` }), long, `while it ${when}`)
        for (const claim of claims) await driver.complete(claim)
        const claim = await driver.take()
        ensureSame(claim.record.id, long, 'id')
        ensureSame(claim.record.item, 'b', 'item')
        ensureSame(await driver.complete(claim), true, 'settle')
        expectDuplicate(await put('c', { id: long }), long, 'when it has completed')
        ensureSame((await put('d')).state, 'waiting', 'state of the key')
      },
    ),
  ),
]
