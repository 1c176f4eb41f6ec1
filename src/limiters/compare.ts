import { must } from '../core/check.ts'
import type { Comparison } from './comparison.ts'
import type { Limiter, LimiterEvents } from './limiter.ts'

/** So many keys are told apart; then the least hit gives way, and its count is handed on (Space-Saving, Metwally et al., 2005). */
const KEYS = 256

/** Asks `candidate` about every call that `limiter` decides from now on. */
export function compare(limiter: Pick<Limiter, 'on'>, candidate: Limiter): Comparison {
  must(typeof candidate?.consume === 'function', 'candidate', 'be a limiter', candidate)
  const counts = { agree: 0, stricter: 0, looser: 0, failed: 0 }
  const hits = new Map<string, number>()
  const judge = (passed: boolean) => (call: LimiterEvents['allowed']) => {
    candidate.consume(call.key, call.cost).then(
      ({ allowed, wouldDeny }) => {
        const passes = allowed && wouldDeny !== true
        if (passes === passed) counts.agree += 1
        else if (passed) {
          counts.stricter += 1
          hit(hits, call.key)
        } else counts.looser += 1
      },
      () => {
        counts.failed += 1
      },
    )
  }
  const ends = [
    limiter.on('allowed', judge(true)),
    limiter.on('waited', judge(true)),
    limiter.on('denied', judge(false)),
  ]
  return {
    get agree() {
      return counts.agree
    },
    get stricter() {
      return counts.stricter
    },
    get looser() {
      return counts.looser
    },
    get failed() {
      return counts.failed
    },
    get keys() {
      return [...hits]
        .map(([key, stricter]) => ({ key, stricter }))
        .sort((one, other) => other.stricter - one.stricter)
    },
    end() {
      for (const end of ends) end()
    },
  }
}

function hit(hits: Map<string, number>, key: string): void {
  const known = hits.get(key)
  if (known !== undefined || hits.size < KEYS) {
    hits.set(key, (known ?? 0) + 1)
    return
  }
  let least: [key: string, count: number] = ['', Infinity]
  for (const entry of hits) if (entry[1] < least[1]) least = entry
  hits.delete(least[0])
  hits.set(key, least[1] + 1)
}
