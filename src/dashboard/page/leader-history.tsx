import type { JSX } from 'preact'
import { range } from './chart-range.ts'
import { exact, time } from './format.ts'
import { store } from './store.ts'
import { w } from './words.ts'

/** The leaders over the range of time that charts show: a strip for each, the present one darker. */
export function LeaderHistory({
  changes,
}: {
  changes: readonly (readonly [number, string])[]
}): JSX.Element {
  const now = store.state?.at ?? 0
  const whole = range() * 1000
  const start = now - whole
  const x = (at: number) => (Math.max(0, at - start) / whole) * 300
  const strips = changes
    .map(([at, leader], i) => ({ at, leader, end: changes[i + 1]?.[0] ?? now }))
    .filter(({ end }) => end > start)
  return (
    <svg
      class="tenures"
      viewBox="0 0 300 16"
      role="img"
      aria-label={strips
        .map(({ at, leader }) => `${time(at)} ${leader || w('no leader')}`)
        .join(', ')}
    >
      <path class="unseen" d="M0 8H300" />
      {strips.map(
        ({ at, leader, end }, i) =>
          leader !== '' && (
            <g key={at}>
              <rect
                class={i === strips.length - 1 ? 'held' : 'fill-usual'}
                x={x(at)}
                width={Math.max(1.5, x(end) - x(at) - 1.5)}
                height="16"
              />
              {(x(end) - x(at) - 8) / 6.5 > leader.length && (
                <text x={x(at) + 4} y="12">
                  {leader}
                </text>
              )}
              <title>{`${leader}: ${exact(at)}`}</title>
            </g>
          ),
      )}
    </svg>
  )
}
