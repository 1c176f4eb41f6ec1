import type { JSX } from 'preact'
import { doNow } from './notice.tsx'
import { Act } from './permission.tsx'
import { pathTo } from './server.ts'
import { either } from './words.ts'

/** How many workers a queue has in this process, and the buttons that change it. */
export function QueueWorkers({ name, workers }: { name: string; workers: number }): JSX.Element {
  const path = pathTo('queues', name, 'workers')
  return (
    <>
      <span class="label">
        {either('Workers a process', 'Воркеров')} <b>{workers}</b>
      </span>
      {[-1, 1].map((step) => {
        const next = Math.max(1, workers + step * Math.max(1, Math.round(workers / 5)))
        return (
          <Act
            key={step}
            disabled={next === workers}
            onClick={() =>
              void doNow(
                either(`${name}: ${next} workers`, `${name}: ${next}`),
                path,
                { workers: next },
                { path: path, body: { workers } },
              )
            }
          >
            {step < 0 ? '−' : '+'} {Math.abs(next - workers)}
          </Act>
        )
      })}
    </>
  )
}
