import type { JSX } from 'preact'
import type { QueueState } from '../state.ts'
import { figure, span } from './format.ts'
import { Mark } from './mark.tsx'
import { PartLink, troubleOf } from './parts.tsx'
import type { State } from './store.ts'
import { At } from './time-label.tsx'
import { either, w } from './words.ts'

/** What keeps a queue behind, since when, and how many workers would keep up. */
export function QueueDiagnosis({
  name,
  queue,
  state,
}: {
  name: string
  queue: QueueState
  state: State
}): JSX.Element | null {
  const trouble = troubleOf('queue', name)
  if (trouble === undefined || queue.failure) return null
  const { put, done, died = 0, run, running } = queue
  const grows = (put ?? 0) - (done ?? 0) - died
  const earlier = state.troubles.find(
    (each) =>
      each.kind !== 'queue' && each.since < trouble.since && trouble.since - each.since < 120_000,
  )
  const needed = run !== undefined && put !== undefined ? Math.ceil(put * run) : undefined
  const usual = trouble.usual?.[3]
  return (
    <p class={`note ${trouble.level}`}>
      <Mark level={trouble.level} />
      <span>
        <b>
          {grows > 0.05
            ? either(`Grows by ${figure(grows)} a second`, `Растёт на ${figure(grows)} в секунду`)
            : either('Behind', 'Отстаёт')}{' '}
          {w('Since').toLowerCase()} <At at={trouble.since} />
        </b>
        {earlier && (
          <>
            , {span((trouble.since - earlier.since) / 1000)} {either('after', 'после')}{' '}
            <PartLink kind={earlier.kind} name={earlier.name} />
          </>
        )}
        .{' '}
        {run !== undefined &&
          either(`A run takes ${span(run)}`, `Выполнение длится ${span(run)}`) +
            (usual ? `, ${w('usually')} ${span(usual[1])}` : '')}
        {needed !== undefined &&
          needed > running &&
          either(
            `: keeping up needs ${figure(needed)} workers`,
            `: чтобы успевать, нужно ${figure(needed)}`,
          )}
        {run !== undefined && '.'}
      </span>
    </p>
  )
}
