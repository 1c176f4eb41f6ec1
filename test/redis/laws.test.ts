import { seeded } from 'aioflux/testing'
import { Redis } from 'ioredis'
import { afterAll, describe, expect, inject, it } from 'vitest'
import { link, paramsOf } from '../../src/redis/scripts/link.ts'
import { AimdLaw } from '../../src/rules/aimd.ts'
import { GradientLaw } from '../../src/rules/gradient.ts'
import type { Law } from '../../src/rules/law.ts'

const client = new Redis(inject('redisUrl'))
afterAll(() => client.disconnect())

const laws: [string, () => Law][] = [
  [
    'aimd',
    () =>
      new AimdLaw({
        initial: 30,
        min: 7,
        max: 33,
        step: 3,
        factor: 0.7,
        threshold: 0.1,
        window: 1e6,
      }),
  ],
  [
    'gradient',
    () => new GradientLaw({ initial: 20, min: 12, max: 90, tolerance: 1.5, window: 1e6 }),
  ],
]

/** Reports at random moments: calls that are fine, slow, dropped, and of before a decrease. */
function trace(seed: number) {
  const random = seeded(seed)
  let now = 1_700_000_000_000_000
  let told = 100_000
  return Array.from({ length: 300 }, () => {
    now += Math.floor(random() * random() * 900_000) * (random() < 0.02 ? -1 : 1)
    const trouble = [0, 2, 1][(Math.floor(now / 20e6) + 2) % 3]
    const idle = Math.floor(now / 5e6) % 3 === 0
    const count = Math.floor(random() * 12)
    const bad = trouble === 1 ? Math.floor(random() * 6) : 0
    told = Math.floor((random() < 0.1 ? 200 : 60) * 1000 * random())
    const latency = (trouble === 2 ? 190_000 : 30_000) * (1 + random())
    return { now, told, busiest: idle ? 2 : Math.floor(random() * 60), count, bad, latency }
  })
}

async function both(law: Law, seed: number, mutate = (text: string) => text) {
  const text = mutate(link([law], 'driver', 'caller').text)
  const key = `laws:${crypto.randomUUID()}`
  const state = law.fresh(trace(seed)[0]?.now as number)
  const here: number[] = []
  const there: number[] = []
  for (const { now, told, busiest, count, bad, latency } of trace(seed)) {
    const gradient = law.kind === 'gradient'
    const level = gradient ? busiest : told
    const amount = gradient ? Math.round(count * latency) : count % 2
    here.push(law.report(state, now, { level, count, amount, bad }))
    const args = [now, ...paramsOf([law]), 1, 11, 0, 1, count, level, bad, amount].map(String)
    const [, verdict] = (await client.eval(text, 1, key, ...args)) as number[]
    there.push(Number(verdict))
  }
  const kept = new Float64Array(new Uint8Array((await client.getBuffer(key)) as Buffer).buffer)
  return {
    here: [...here, ...state],
    there: [...there, ...kept.slice(0, state.length)],
  }
}

describe.each(laws)('the twin of %s', (_name, make) => {
  it('learns the same, bit by bit', async () => {
    for (let seed = 0; seed < 4; seed++) {
      const { here, there } = await both(make(), seed)
      expect(there).toEqual(here)
      expect(new Set(here).size).toBeGreaterThan(10)
    }
  })
})

const mutants: [string, string, string][] = [
  ['aimd', 'if level <= rule.told(s) then', 'if true then'],
  ['aimd', 'told >= 10 or', 'told >= 9 or'],
  ['aimd', 's[4] > p.threshold * told', 's[4] >= p.threshold * told + 1'],
  ['aimd', 's[5] > 0 or told', 'told'],
  ['aimd', 'math.min(p.max, rate + p.step)', 'rate + p.step'],
  ['aimd', 'math.max(p.min, s[1] * p.factor)', 's[1] * p.factor'],
  ['gradient', 'if busiest < limit / 2 or latency == 0 then return limit end', ''],
  ['gradient', 'if dropped > 0.1 then', 'if dropped > 0.2 then'],
  ['gradient', 'math.max(0.5, math.min', 'math.max(0, math.min'],
  ['gradient', 'if limit <= p.min then return (base + latency) / 2 end', ''],
  ['gradient', 'base + (latency - base) * (1 / 100)', 'base'],
  ['gradient', 'now - s[2] >= p.window', 'now - s[2] > p.window + 10000'],
]
it.each(mutants)('a mutant of %s is caught: %s', async (name, from, to) => {
  const make = laws.find(([law]) => law === name)?.[1] as () => Law
  let caught = false
  for (let seed = 0; seed < 8 && !caught; seed++) {
    const { here, there } = await both(make(), seed, (text) => {
      expect(text).toContain(from)
      return text.replace(from, to)
    })
    caught = JSON.stringify(here) !== JSON.stringify(there)
  }
  expect(caught).toBe(true)
})
