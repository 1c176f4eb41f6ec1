import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ByName } from '../../src/coordination/by-name.ts'
import { type Indexed, IndexedSet } from '../../src/core/indexed-set.ts'

test('values by name are those of a Map, however many names have come and gone', () => {
  const name = fc.constantFrom('a', 'b', '', '7', '__proto__', 'constructor')
  const step = fc.tuple(name, fc.boolean())
  const crowd = fc.nat({ max: 3_000 })
  fc.assert(
    fc.property(fc.array(fc.tuple(step, crowd), { maxLength: 20 }), (steps) => {
      const names = new ByName<number>()
      const model = new Map<string, number>()
      for (const [i, [[key, sets], passing]] of steps.entries()) {
        if (sets) {
          names.set(key, i)
          model.set(key, i)
        } else {
          names.delete(key)
          model.delete(key)
        }
        for (let j = 0; j < passing; j++) {
          names.set(`${i} ${j}`, j)
          names.delete(`${i} ${j}`)
        }
        for (const known of ['a', 'b', '', '7', '__proto__', 'constructor']) {
          expect(names.get(known)).toBe(model.get(known))
        }
      }
    }),
    { numRuns: 30 },
  )
})

test('a roster has those who were added and not deleted', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat({ max: 7 }), fc.boolean())), (steps) => {
      const all: Indexed[] = Array.from({ length: 8 }, () => ({ place: 0 }))
      const roster = new IndexedSet<Indexed>()
      const model = new Set<Indexed>()
      for (const [i, adds] of steps) {
        const one = all[i] as Indexed
        if (!adds) {
          roster.delete(one)
          model.delete(one)
        } else if (!model.has(one)) {
          roster.add(one)
          model.add(one)
        }
        expect(all.map((each) => roster.has(each))).toEqual(all.map((each) => model.has(each)))
        expect(new Set(roster)).toEqual(model)
      }
    }),
  )
})
