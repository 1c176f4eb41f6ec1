import type { JSX } from 'preact'
import type { UsualRange } from '../state.ts'
import { past, range } from './chart-range.ts'
import { hour } from './format.ts'
import { store } from './store.ts'
import { w } from './words.ts'

export interface ChartLine {
  readonly values: readonly (number | null)[]
  readonly tone?: string
  readonly fill?: boolean
  readonly dashed?: boolean
  /** Set where its points are not the samples. */
  readonly times?: readonly number[]
}

/** Series over the range of time that is shown; where trouble began, the line turns to its colour. Grey is the usual range. */
export function Chart({
  lines,
  since,
  level = 'bad',
  height = 60,
  usual,
  label,
  most,
  axis,
}: {
  lines: readonly ChartLine[]
  since?: number | undefined
  level?: string
  height?: number
  usual?: UsualRange | null | undefined
  label: string
  most?: number
  axis?: boolean
}): JSX.Element {
  const { times } = past()
  // What was not heard since the connection was lost stays empty.
  const now = moment()
  const span = range() * 1000
  const start = now - span
  const width = 600
  const x = (at: number) => ((at - start) / span) * width
  const top = Math.max(
    most ?? 0,
    usual?.[2] ?? 0,
    1e-9,
    ...lines.flatMap(({ values }) => values.map((value) => value ?? 0)),
  )
  const y = (value: number) => height - 2 - (value / top) * (height - 6)
  const firstSeen = times.find((at) => at >= start) ?? now
  const began = since !== undefined && since > start ? x(since) : since === undefined ? width : 0
  const parts = lines.map((line) => ({
    line,
    runs: runsOf(line.times ?? times, line.values, start, span),
  }))
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
        {usual && (
          <rect
            class="usual"
            x={Math.max(0, x(firstSeen))}
            width={width}
            y={y(usual[2]) - 1}
            height={Math.max(2, y(usual[0]) - y(usual[2]) + 2)}
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
                <svg
                  aria-hidden="true"
                  width={splits ? began : width}
                  height={height}
                  viewBox={`0 0 ${splits ? Math.max(1, began) : width} ${height}`}
                  preserveAspectRatio="none"
                >
                  {line.fill !== false && <path class={`area ${tone}`} d={area} />}
                  <path class={`line ${tone} ${line.dashed ? 'dashed' : ''}`} d={d} />
                </svg>
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
      {axis && <Axis />}
    </figure>
  )
}

/** The end of all charts. */
function moment(): number {
  const { state, lost, heard } = store
  return (state?.at ?? 0) + (lost === undefined ? 0 : Date.now() - heard)
}

export function Axis(): JSX.Element {
  return (
    <div class="axis" aria-hidden="true">
      {[3, 2, 1].map((third) => (
        <span key={third}>{hour(moment() - (range() * third * 1000) / 3)}</span>
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
  span: number,
): [number, number][][] {
  const runs: [number, number][][] = []
  let last = 0
  for (const [i, at] of times.entries()) {
    const value = values[i]
    if (at < start || value === null || value === undefined) continue
    if (runs.length === 0 || at - last > Math.max(20_000, span / 120)) runs.push([])
    runs.at(-1)?.push([at, value])
    last = at
  }
  return runs
}
