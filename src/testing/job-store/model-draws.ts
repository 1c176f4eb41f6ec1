import type { Millis } from '../../core/duration.ts'
import type { Ending, JobDraft } from '../../queues/store/job-store.ts'
import { draft, failure } from './driver.ts'
import type { Chance, ModelPlan } from './model-plan.ts'

/** A job to put, of what the run is about. */
export function drawDraft(
  chance: Chance,
  { what, groups, terms }: ModelPlan,
  item: number,
  delay: () => Millis,
): JobDraft {
  const own = (what === 'unique' && chance.once(6)) || (what === 'ids' && !chance.once(4))
  const group = groups ? chance.pick(['a', 'b', 'c']) : undefined
  return draft({
    item,
    id: own ? `id ${chance.number(4)}` : undefined,
    priority: chance.pick([0, 0, 0, 1, -1, 5]),
    delay: chance.once(4) ? delay() : undefined,
    group,
    groupWeight: group === 'c' ? 2 : undefined,
    limiterKey: what === 'keys' ? chance.pick(['x', 'y', 'z']) : undefined,
    awaited: chance.once(3),
    unique: terms.unique && { ...terms.unique, key: `id ${chance.number(4)}` },
  })
}

/** How a claim ends. */
export function drawEnding(chance: Chance, value: unknown, delay: () => Millis): Ending {
  const error = failure(`error ${chance.number(3)}`)
  const later = chance.once(2) ? 0 : delay()
  return chance.pick<Ending>([
    { outcome: 'completed', value },
    { outcome: 'completed', value: null },
    { outcome: 'failed', error },
    { outcome: 'retry', delay: later, error },
    { outcome: 'released', delay: later },
  ])
}
