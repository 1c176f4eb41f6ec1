import { must } from '../core/check.ts'
import { isAioFluxError } from '../core/errors.ts'
import type { Comparison } from './comparison.ts'
import type { Sharing } from './composite/member-terms.ts'
import type { Limiter, LimiterEvents } from './limiter.ts'

/** How many keys are counted. Then the key with the lowest count is replaced, and the new key takes its count (Space-Saving, Metwally et al., 2005). */
const KEYS = 256

/** The candidates that each limiter is compared with at present. */
const compared = new WeakMap<object, Set<Limiter>>()

/**
 * Asks `candidate` about every call that `limiter` decides from now on, with the quota and the class of the call, if the candidate takes
 * them.
 *
 * @throws OptionTypeError when `candidate` is not a limiter, asks `limiter` itself, which would never end, or holds permits
 */
export function compare(limiter: Pick<Limiter, 'on'>, candidate: Limiter): Comparison {
  must(typeof candidate?.consume === 'function', 'candidate', 'be a limiter', candidate)
  const apart = 'be another limiter that does not ask this one'
  must(!asks(candidate, limiter), 'candidate', apart, candidate.name)
  const holds = candidate.policies?.some(({ held }) => held) === true
  must(
    !holds,
    'candidate',
    'not hold permits, because it is not told when they are released',
    candidate.name,
  )
  const counts = { agree: 0, stricter: 0, looser: 0, failed: 0 }
  const hits = new Map<string, number>()
  const weigh = (key: string, passed: boolean, passes: boolean) => {
    if (passes === passed) counts.agree += 1
    else if (passed) {
      counts.stricter += 1
      hit(hits, key)
    } else counts.looser += 1
  }
  const judge =
    (passed: boolean) =>
    ({ key, cost, quota, class: name }: LimiterEvents['allowed']) => {
      // The quota and the class of the call, if the candidate takes them.
      const { quotable, knows } = candidate as Sharing
      const own = {
        ...(quotable && quota && { quota }),
        ...(name !== undefined && knows?.call(candidate, name) && { class: name }),
      }
      const plain = own.quota === undefined && own.class === undefined
      candidate.consume(key, plain ? cost : { ...own, cost }).then(
        ({ allowed, wouldDeny }) => weigh(key, passed, allowed && wouldDeny !== true),
        (error) => {
          // A cost above the capacity of the candidate never passes there.
          if (isAioFluxError(error, 'COST_TOO_LARGE')) weigh(key, passed, false)
          else counts.failed += 1
        },
      )
    }
  const candidates = compared.get(limiter) ?? new Set()
  compared.set(limiter, candidates.add(candidate))
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
      candidates.delete(candidate)
    },
  }
}

/** True when a call of `candidate` asks `limiter`: the same one, a member of a composite, or a candidate of its own. */
function asks(candidate: Limiter, limiter: object): boolean {
  if (candidate === limiter) return true
  const { members = [] } = candidate as { members?: readonly { readonly limiter: Limiter }[] }
  const next = [...members.map((member) => member.limiter), ...(compared.get(candidate) ?? [])]
  return next.some((one) => asks(one, limiter))
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
