import type { JSX } from 'preact'
import { pauseQueue } from './confirmed-actions.ts'
import { figure } from './format.ts'
import { Mark } from './mark.tsx'
import { levelOf } from './parts.tsx'
import { Act } from './permission.tsx'
import { QueueCharts } from './queue-charts.tsx'
import { QueueDeaths } from './queue-deaths.tsx'
import { QueueDiagnosis } from './queue-diagnosis.tsx'
import { QueueGroups } from './queue-groups.tsx'
import { QueueJobs } from './queue-jobs.tsx'
import { QueuePipe } from './queue-pipe.tsx'
import { QueueWorkers } from './queue-workers.tsx'
import { answerTo, pathTo } from './server.ts'
import { change, place, type State } from './store.ts'
import { either, w } from './words.ts'

const STATES = ['waiting', 'delayed', 'running', 'dead', 'completed'] as const

export function Queue({ name, state }: { name: string; state: State }): JSX.Element | null {
  const queue = state.queues[name]
  const { state: wanted } = place()
  const chosen = (STATES as readonly string[]).includes(wanted)
    ? wanted
    : queue && queue.dead > 0
      ? 'dead'
      : 'waiting'
  const answer = answerTo(pathTo('queues', name))
  if (queue === undefined) return null
  const { workers } = queue
  return (
    <section class="panel main">
      <header>
        <a class="back" href="#/queues">
          ‹ {w('Queues')}
        </a>
        <h1>
          <Mark level={levelOf('queue', name, queue.paused ? 'paused' : 'fine')} />
          {name}
        </h1>
        <p>
          {[
            queue.kind,
            queue.remote
              ? either('durable in Redis', 'хранится в Redis')
              : either('in memory', 'в памяти'),
            queue.here || queue.processes === 0
              ? ''
              : either('of other processes', 'других процессов'),
            !queue.processes
              ? ''
              : either(`open in ${queue.processes} processes`, `процессов: ${queue.processes}`),
            queue.paused ? w('paused') : '',
          ]
            .filter(Boolean)
            .join(' · ')}
        </p>
        <div class="acts">
          {workers !== undefined && <QueueWorkers name={name} workers={workers} />}
          <Act onClick={() => pauseQueue(name, queue)}>
            {w(queue.paused ? 'Resume everywhere…' : 'Pause everywhere…')}
          </Act>
        </div>
      </header>
      {queue.failure && (
        <p class="note bad">
          <Mark level="bad" />
          {queue.failure}
        </p>
      )}
      {queue.processes === 0 && (
        <p class="note warn">
          <Mark level="warn" />
          {either(
            'No process has this queue open: nothing works on it. Its jobs are kept.',
            'Ни один процесс не открыл эту очередь: с ней никто не работает. Задачи хранятся.',
          )}
        </p>
      )}
      <QueueDiagnosis name={name} queue={queue} state={state} />
      <QueuePipe name={name} queue={queue} />
      <QueueCharts name={name} queue={queue} />
      <div class="two-blocks">
        <QueueGroups answer={answer} />
        <div class="block">
          <div class="segments" role="group" aria-label={w('Jobs')}>
            {STATES.map((each) => (
              <button
                key={each}
                type="button"
                aria-pressed={chosen === each}
                onClick={() => change({ state: each, from: '' })}
              >
                {w(each[0]!.toUpperCase() + each.slice(1))}
                {each === 'dead' && queue.dead > 0 ? ` ${figure(queue.dead)}` : ''}
              </button>
            ))}
          </div>
          {chosen === 'dead' && <QueueDeaths name={name} answer={answer} state={state} />}
        </div>
      </div>
      <QueueJobs key={chosen} name={name} chosen={chosen} />
    </section>
  )
}
