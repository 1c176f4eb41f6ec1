import type { JSX } from 'preact'
import { hour } from './format.ts'
import { w } from './words.ts'

export interface Line {
  readonly values: readonly (number | null)[]
  readonly tone?: string
  readonly fill?: boolean
  readonly dashed?: boolean
}

/** Series over the last half hour; where trouble began, the line turns to its colour. */
export function Chart({
  times,
  lines,
  now,
  since,
  level = 'bad',
  height = 60,
  usual = true,
  label,
  most,
  axis,
}: {
  times: readonly number[]
  lines: readonly Line[]
  now: number
  since?: number | undefined
  level?: string
  height?: number
  usual?: boolean
  label: string
  most?: number
  axis?: boolean
}): JSX.Element {
  const span = 1_800_000
  const start = now - span
  const width = 600
  const x = (at: number) => ((at - start) / span) * width
  const top = Math.max(
    most ?? 0,
    1e-9,
    ...lines.flatMap(({ values }) => values.map((value) => value ?? 0)),
  )
  const y = (value: number) => height - 2 - (value / top) * (height - 6)
  const firstSeen = times.find((at) => at >= start) ?? now
  const began = since !== undefined && since > start ? x(since) : since === undefined ? width : 0
  const first = lines[0]?.values ?? []
  const before = first.filter(
    (value, i): value is number =>
      value !== null &&
      (times[i] ?? 0) >= start &&
      (since === undefined || (times[i] ?? 0) < since - 5000),
  )
  const sorted = before.toSorted((a, b) => a - b)
  const band =
    usual && since !== undefined && sorted.length >= 24
      ? [sorted[Math.floor(sorted.length * 0.1)] ?? 0, sorted[Math.floor(sorted.length * 0.9)] ?? 0]
      : undefined
  const parts = lines.map((line) => ({ line, runs: runsOf(times, line.values, start) }))
  return (
    <figure class="chart">
      <svg
        viewBox={`0 0 ${width} ${height}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={label}
        height={height}
      >
        {[1, 2].map((n) => (
          <path key={n} class="grid" d={`M${(n * width) / 3} 0V${height}`} />
        ))}
        {band && (
          <rect
            class="usual"
            x="0"
            width={width}
            y={y(band[1] as number) - 1}
            height={Math.max(2, y(band[0] as number) - y(band[1] as number) + 2)}
          />
        )}
        {x(firstSeen) > 4 && (
          <path class="unseen" d={`M0 ${height - 2}H${Math.min(width, x(firstSeen))}`} />
        )}
        {parts.map(({ line, runs }, n) =>
          runs.map((run, i) => {
            const points = run.map(([at, value]) => `${x(at).toFixed(1)} ${y(value).toFixed(1)}`)
            const from = x(run[0]?.[0] ?? 0)
            const to = x(run.at(-1)?.[0] ?? 0)
            const d = `M${points.join('L')}`
            const area = `${d}L${to.toFixed(1)} ${height}L${from.toFixed(1)} ${height}Z`
            const id = `${n}-${i}`
            const tone = line.tone ?? 'data'
            const splits = line.tone === undefined && since !== undefined && to > began
            return (
              <g key={id}>
                {line.fill !== false && <path class={`area ${tone}`} d={area} />}
                <path class={`line ${tone} ${line.dashed ? 'dashed' : ''}`} d={d} />
                {splits && (
                  <svg
                    aria-hidden="true"
                    x={began}
                    y="0"
                    width={width - began}
                    height={height}
                    viewBox={`${began} 0 ${Math.max(1, width - began)} ${height}`}
                    preserveAspectRatio="none"
                  >
                    {line.fill !== false && <path class={`area ${level}`} d={area} />}
                    <path class={`line ${level}`} d={d} />
                  </svg>
                )}
              </g>
            )
          }),
        )}
        {since !== undefined && since > start && (
          <path class={`line ${level}`} d={`M${began} 0V${height}`} />
        )}
      </svg>
      {axis && <Axis now={now} />}
    </figure>
  )
}

export function Axis({ now }: { now: number }): JSX.Element {
  return (
    <div class="axis" aria-hidden="true">
      {[30, 20, 10].map((minutes) => (
        <span key={minutes}>{hour(now - minutes * 60_000)}</span>
      ))}
      <span>{w('now')}</span>
    </div>
  )
}

/** Points without a gap between them. */
function runsOf(
  times: readonly number[],
  values: readonly (number | null)[],
  start: number,
): [number, number][][] {
  const runs: [number, number][][] = []
  let last = 0
  for (const [i, at] of times.entries()) {
    const value = values[i]
    if (at < start || value === null || value === undefined) continue
    if (runs.length === 0 || at - last > 20_000) runs.push([])
    runs.at(-1)?.push([at, value])
    last = at
  }
  return runs
}
