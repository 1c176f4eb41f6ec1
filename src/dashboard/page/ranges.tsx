import type { JSX } from 'preact'
import { RANGES, range } from './chart-range.ts'
import { change, store } from './store.ts'
import { either } from './words.ts'

/** Chooses how much time charts show. Ranges that go beyond what is kept are not offered. */
export function Ranges(): JSX.Element | null {
  const kept = store.state?.history ?? 0
  const offered = RANGES.filter(
    ([, seconds], i) => i === 0 || kept > (RANGES[i - 1]?.[1] ?? seconds),
  )
  if (offered.length < 2) return null
  return (
    <div class="segments ranges" role="group" aria-label={either('Time', 'Время')}>
      {offered.map(([text, seconds]) => (
        <button
          key={text}
          type="button"
          aria-pressed={range() === seconds}
          onClick={() => change({ range: text })}
        >
          {seconds === 1800
            ? either('30 min', '30 мин')
            : either(`${seconds / 3600} h`, `${seconds / 3600} ч`)}
        </button>
      ))}
    </div>
  )
}
