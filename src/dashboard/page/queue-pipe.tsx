import type { JSX } from 'preact'
import type { QueueState } from '../state.ts'
import { figure, PER_SECOND, span } from './format.ts'
import { troubleOf } from './parts.tsx'
import { either, w } from './words.ts'

/** The way of the jobs of a queue from put to done or dead, with how many are where. */
export function QueuePipe({ name, queue }: { name: string; queue: QueueState }): JSX.Element {
  const { put, done, died = 0, running, workers, oldest } = queue
  const trouble = troubleOf('queue', name)
  const bad = trouble?.level === 'bad' ? 'bad' : trouble ? 'warn' : ''
  const usually = (which: number) => {
    const usual = trouble?.usual?.[which]
    return usual ? `${w('usually')} ${figure(usual[1])}${PER_SECOND}` : ''
  }
  const places: [string, string, string, string][] = [
    [w('Put'), figure(put), PER_SECOND, ''],
    [w('Delayed'), figure(queue.delayed), '', ''],
    [w('Waiting'), figure(queue.waiting), '', bad],
    [
      w('Running'),
      figure(running),
      workers !== undefined && !queue.remote ? either(` of ${workers}`, ` из ${workers}`) : '',
      '',
    ],
    [w('Done'), figure(done), PER_SECOND, ''],
    [w('Dead'), figure(queue.dead), '', queue.dead > 0 ? bad : ''],
  ]
  return (
    <div class="pipe">
      {places.map(([label, value, unit, level]) => (
        <div key={label}>
          <small>{label}</small>
          <b class={level}>
            {value}
            <small>{unit}</small>
          </b>
        </div>
      ))}
      <svg viewBox="0 0 600 24" preserveAspectRatio="none" aria-hidden="true">
        <rect class="fill-data" x="0" y="9" width="200" height="6" />
        <rect class="fill-light" x="100" y="14" width="85" height="10" />
        <rect
          class={bad === 'bad' ? 'fill-bad-light' : 'fill-light'}
          x="200"
          y={24 - Math.min(22, 4 + Math.log10(1 + queue.waiting) * 4)}
          width="85"
          height="24"
        />
        <path class="line data" d="M285 12H300M385 12H500" />
        {Array.from({ length: 16 }, (_, i) => (
          <rect
            key={`w${i}`}
            class={
              i < Math.ceil((running / Math.max(1, workers ?? running)) * 16)
                ? 'fill-data'
                : 'fill-light'
            }
            x={300 + i * 5.3}
            y="4"
            width="3.6"
            height="16"
          />
        ))}
        {queue.dead > 0 && (
          <>
            <path class="line bad dashed" d="M392 12V20H500" />
            <rect class="fill-bad-light" x="500" y="14" width="85" height="10" />
          </>
        )}
      </svg>
      {[
        usually(1),
        '',
        oldest > 0 ? either(`oldest ${span(oldest)}`, `старшая ${span(oldest)}`) : '',
        '',
        usually(2),
        died > 0 ? `+ ${figure(died * 60)} ${either('a minute', 'в минуту')}` : '',
      ].map((text, i) => (
        <small key={`p${i}`}>{text}</small>
      ))}
    </div>
  )
}
