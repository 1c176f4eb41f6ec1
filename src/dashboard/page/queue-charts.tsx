import type { JSX } from 'preact'
import type { QueueState } from '../state.ts'
import { Chart } from './chart.tsx'
import { past } from './chart-range.ts'
import { age, figure, span } from './format.ts'
import { troubleOf } from './parts.tsx'
import { w } from './words.ts'

/** The past of a queue: the age of its oldest job, put beside done, and how long a run takes. */
export function QueueCharts({ name, queue }: { name: string; queue: QueueState }): JSX.Element {
  const { put, done, run, oldest } = queue
  const trouble = troubleOf('queue', name)
  const bad = trouble?.level === 'bad' ? 'bad' : trouble ? 'warn' : ''
  const usual = trouble?.usual ?? []
  const [ages = [], puts = [], dones = [], runs = []] = past().series[`queue/${name}`] ?? []
  return (
    <div class="three">
      <div>
        <h2>
          {w('Oldest waits')} <b class={bad}>{age(oldest)}</b>
        </h2>
        <Chart
          lines={[{ values: ages }]}
          since={trouble?.since}
          level={trouble?.level ?? 'bad'}
          height={54}
          usual={usual[0]}
          axis
          label={`${w('Oldest waits')} ${span(oldest)}`}
        />
      </div>
      <div>
        <h2>
          {w('Put and done a second')}{' '}
          <small>
            {w('Put').toLowerCase()} {figure(put)} · {w('Done').toLowerCase()} {figure(done)}
          </small>
        </h2>
        <Chart
          lines={[
            { values: dones, tone: 'data' },
            { values: puts, tone: 'inkline', dashed: true, fill: false },
          ]}
          since={trouble?.since}
          height={54}
          axis
          label={`${w('Put')} ${figure(put)}, ${w('Done')} ${figure(done)}`}
        />
      </div>
      <div>
        <h2>
          {w('A run takes')} <b>{span(run)}</b>
        </h2>
        <Chart
          lines={[{ values: runs }]}
          since={trouble?.since}
          level={trouble?.level ?? 'bad'}
          height={54}
          usual={usual[3]}
          axis
          label={`${w('A run takes')} ${span(run)}`}
        />
      </div>
    </div>
  )
}
