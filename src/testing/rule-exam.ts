import { callable, finite, known, type OptionTable } from '../core/check.ts'
import type { Micros } from '../core/duration.ts'
import type { Rule, State } from '../core/rule.ts'
import { ensure, ensureSame, type Law, seeded } from './law.ts'

/** Options of {@link ruleExam}. */
export interface RuleExamOptions {
  /** Makes the rule, the same one each time. Its capacity must be at least 2. */
  make(): Rule
  /** The most that may pass within any time of length `elapsed`. */
  bound(elapsed: Micros): number
  /** @default 1_000_000_000 microseconds */
  start?: Micros
}

export const RULE_EXAM_OPTIONS: OptionTable<RuleExamOptions> = {
  make: true,
  bound: true,
  start: true,
}

/**
 * The laws of every rule whose limit frees itself with time.
 *
 * @example
 * for (const law of ruleExam({ make: () => tokenBucket({ rate: 10 }), bound: (t) => 10 + t / 1e5 })) {
 *   it(law.name, () => law.run())
 * }
 */
export function ruleExam(options: RuleExamOptions): Law[] {
  known('ruleExam', options, RULE_EXAM_OPTIONS)
  const { make, bound, start = 1e9 } = options
  callable('make', make)
  callable('bound', bound)
  finite('start', start)

  return [
    law('a fresh state grants its capacity at once, and nothing more', (rule, state) => {
      ensureSame(rule.reserve(state, start, rule.capacity, 0), 0, 'verdict on the whole capacity')
      ensure(rule.reserve(state, start, 1, 0) < 0, 'one more was granted')
      ensureSame(Math.floor(rule.remaining(state, start)), 0, 'remaining')
    }),

    law('a denied call leaves the state untouched', (rule, state) => {
      rule.reserve(state, start, rule.capacity, 0)
      const before = [...state]
      ensure(rule.reserve(state, start + 1, rule.capacity, 0) < 0, 'was granted')
      ensureSame(String(state), String(before), 'state')
    }),

    law('it grants exactly at retryAfter and not a tick before', (rule) => {
      const random = seeded(1)
      const tick = tickOf(rule)
      for (let round = 0; round < 200; round++) {
        const state = rule.fresh(start)
        let now = start
        const denied = () => rule.reserve([...state], now, 1 + Math.floor(random() * 2), 0)
        for (let i = 0; i < 5 && denied() >= 0; i++) {
          rule.reserve(state, now, Math.ceil(random() * rule.capacity), 0)
          now += Math.floor((random() * rule.span) / 50)
        }
        const cost = 1 + Math.floor(random() * (rule.capacity - 1))
        const wait = -rule.reserve([...state], now, cost, 0)
        if (wait <= tick) continue
        ensure(
          rule.reserve([...state], now + wait - tick, cost, 0) < 0,
          `granted ${cost} a tick before the ${wait} microseconds it had told`,
        )
        ensureSame(rule.reserve([...state], now + wait, cost, 0), 0, 'verdict at retryAfter')
      }
    }),

    law('no more than the bound is admitted in any stretch of time', (rule) => {
      for (let seed = 0; seed < 20; seed++) {
        const random = seeded(seed)
        const state = rule.fresh(start)
        const admitted: { at: Micros; cost: number }[] = []
        for (let now = start; admitted.length < 150; ) {
          const cost = random() < 0.7 ? 1 : Math.ceil(random() * rule.capacity)
          if (rule.reserve(state, now, cost, 0) >= 0) admitted.push({ at: now, cost })
          if (random() < 0.5) now += Math.floor((random() * random() * rule.span) / rule.capacity)
          else if (random() < 0.02) now += Math.floor(random() * rule.span * 2)
          else now += 1
        }
        for (let from = 0; from < admitted.length; from++) {
          let sum = 0
          for (let to = from; to < admitted.length; to++) {
            const last = admitted[to] as { at: Micros; cost: number }
            sum += last.cost
            const elapsed = last.at - (admitted[from] as { at: Micros }).at
            ensure(
              sum <= bound(elapsed) + 1e-6,
              `${sum} admitted within ${elapsed} microseconds, the bound is ${bound(elapsed)}`,
            )
          }
        }
      }
    }),

    law('taking and giving back is as if nothing had been', (rule) => {
      const random = seeded(7)
      for (let round = 0; round < 100; round++) {
        const state = rule.fresh(start)
        rule.reserve(state, start, Math.ceil((random() * rule.capacity) / 2), 0)
        const now = start + Math.floor((random() * rule.span) / 4)
        const untouched = [...state]
        const cost = Math.ceil((random() * rule.capacity) / 3)
        if (rule.reserve(state, now, cost, 0) !== 0) continue
        rule.refund(state, now, cost)
        for (const later of [0, 0.1, 0.3, 0.5, 0.9, 1.1]) {
          const at = now + Math.floor(rule.span * later)
          ensureSame(
            rule.reserve([...state], at, rule.capacity, 0),
            rule.reserve([...untouched], at, rule.capacity, 0),
            `verdict ${later} spans later`,
          )
        }
      }
    }),

    law('giving back never goes beyond a fresh state', (rule, state) => {
      rule.reserve(state, start, 1, 0)
      rule.refund(state, start, rule.capacity * 10)
      ensureSame(rule.reserve(state, start, rule.capacity, 0), 0, 'verdict on the capacity')
      ensure(rule.reserve(state, start, 1, 0) < 0, 'more than the capacity was there')
    }),

    law('reservations are in order of arrival, each within the limit', (rule, state) => {
      let last = 0
      for (let i = 0; i < 3 * rule.capacity; i++) {
        const wait = rule.reserve(state, start, 1, Infinity)
        ensure(wait >= last, `reservation ${i} at ${wait} goes before the one at ${last}`)
        last = wait
      }
      ensure(last > 0, 'no call had to wait')
      ensure(
        rule.reserve(state, start, 1, last / 2) < 0,
        'a later one was granted within a shorter wait',
      )
      ensure(rule.reserve(state, start, 1, 0) < 0, 'a call went past the calls that wait')
    }),

    law('what is over is fresh: idleAfter tells when', (rule, state) => {
      rule.reserve(state, start, Math.ceil(rule.capacity / 2), 0)
      const idleAfter = rule.idleAfter(state, start)
      ensure(idleAfter > 0 && idleAfter <= rule.span + 1, `idleAfter is ${idleAfter}`)
      const now = start + Math.ceil(idleAfter)
      ensureSame(rule.reserve(state, now, rule.capacity, 0), 0, 'verdict on the whole capacity')
      ensureSame(rule.idleAfter(rule.fresh(start), start), 0, 'idleAfter of a fresh state')
    }),

    law('a clock that steps back mints nothing, not even on its return', (rule, state) => {
      rule.reserve(state, start, rule.capacity, 0)
      for (const back of [1, rule.span / 10, rule.span / 2]) {
        ensure(rule.reserve(state, start - Math.floor(back), 1, 0) < 0, `granted ${back} back`)
        ensure(rule.reserve(state, start, 1, 0) < 0, `granted on the return from ${back} back`)
      }
    }),

    law('a clock that was set back far freezes no key', (rule, state) => {
      rule.reserve(state, start, rule.capacity, 0)
      const past = start - rule.span * 3
      ensureSame(rule.reserve(state, past, rule.capacity, 0), 0, 'verdict long before')
      ensure(rule.reserve(state, past, 1, 0) < 0, 'the limit no longer holds there')
      const again = past + Math.ceil(rule.span)
      ensureSame(rule.reserve(state, again, rule.capacity, 0), 0, 'verdict a span after that')
    }),

    law('other numbers keep what was used', (rule, state) => {
      rule.reserve(state, start, rule.capacity, 0)
      const same = rule.with({})
      ensureSame(same.kind, rule.kind, 'kind')
      ensure(same.reserve([...state], start, 1, 0) < 0, 'what was used is gone')
    }),
  ]

  function law(name: string, run: (rule: Rule, state: State) => void): Law {
    return {
      name,
      run() {
        const rule = make()
        run(rule, rule.fresh(start))
      },
    }
  }
}

/** The shortest time a rule tells apart: a microsecond, or what its grain makes of it. */
function tickOf(rule: Rule): Micros {
  return rule.drain === undefined ? 1 : 2 * rule.drain.quantum
}
