import type { JSX } from 'preact'
import { Empty } from './empty.tsx'
import { matches } from './filter.ts'
import { age, figure } from './format.ts'
import { Job } from './job.tsx'
import { Mark } from './mark.tsx'
import { levelOf, troubleOf } from './parts.tsx'
import { Queue } from './queue.tsx'
import { Side } from './side.tsx'
import { place, type State } from './store.ts'
import { either, w } from './words.ts'

export function Queues({ state }: { state: State }): JSX.Element {
  const { name: asked, what, id, filter } = place()
  if (Object.keys(state.queues).length === 0) {
    return (
      <Empty
        title={w('No queue yet.')}
        text={either(
          'This view shows which jobs wait, since when, and which died and why. Pass your queues to the page, or look at all queues of a Redis:',
          'Здесь видно, что ждёт и как долго, что умерло и почему. Передайте очереди странице или смотрите все очереди в Redis:',
        )}
        code={
          "import { dashboard } from 'aioflux/dashboard'\n\napp.use('/flow', dashboard({ queues: [mails, receipts], access }).handler)"
        }
      />
    )
  }
  const sorted = Object.entries(state.queues)
    .filter(([name]) => asked !== undefined || matches(filter, name))
    .sort(([a, { oldest: one }], [b, { oldest: other }]) => {
      const wrong = (name: string) => (troubleOf('queue', name) === undefined ? 1 : 0)
      return wrong(a) - wrong(b) || other - one
    })
  const name = asked ?? sorted[0]?.[0]
  if (name !== undefined && what === 'jobs' && id !== undefined)
    return <Job name={name} id={id} state={state} />
  return (
    <div class={`panes two ${asked === undefined ? 'at-list' : ''}`}>
      <Side
        view="queues"
        title={w('Queues')}
        name={name}
        foot={either('Figures: how long the oldest has waited.', 'Числа: сколько ждёт старшая.')}
        items={sorted.map(([each, { oldest, waiting, delayed, dead, paused, processes }]) => ({
          name: each,
          level: <Mark level={levelOf('queue', each, paused ? 'paused' : 'fine')} />,
          says: age(oldest),
          bad: troubleOf('queue', each)?.level === 'bad',
          more: [
            paused && w('paused'),
            processes === 0 && either('no process', 'нет процессов'),
            `${figure(waiting)} ${w('waiting')}`,
            delayed > 0 && `${figure(delayed)} ${w('delayed')}`,
            dead > 0 && `${figure(dead)} ${w('Dead').toLowerCase()}`,
          ]
            .filter(Boolean)
            .join(' · '),
        }))}
      />
      {name !== undefined && state.queues[name] !== undefined ? (
        <Queue key={name} name={name} state={state} />
      ) : (
        <p class="panel none">{either('There is no such queue.', 'Такой очереди нет.')}</p>
      )}
    </div>
  )
}
