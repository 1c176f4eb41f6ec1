import { barsUp } from '../terminal/plot.ts'
import { grouped, type Paint, type Style, shown, table } from '../terminal/terminal.ts'
import type { MetricFamily } from './family.ts'
import type { Metrics } from './metrics.ts'
import { type Reading, TREND, type Trends } from './trends.ts'

/** How many series of one metric are shown: the busiest. */
const MOST = 12
/** Spaces between two columns. */
const GAP = 3
/** The least length to which names are cut, on any width. */
const LEAST_NAME = 16

export interface Look {
  /** Seconds since the start. */
  readonly up: number
  /** Seconds since the report before; 0 for the first one. */
  readonly seconds: number
  readonly width: number
  readonly paint: Paint
}

/** All metrics as text for a person: a table for each kind of metric, a heading for each metric, a line for each series. */
export function report(metrics: Metrics, trends: Trends, look: Look): string {
  trends.begin()
  const families = [...metrics].map((family) => ({ family, readings: read(family, trends, look) }))
  const lines = [look.paint('bold', `aioflux, up ${span(look.up)}`)]
  for (const kind of KINDS) {
    const busy = families.filter(
      ({ family, readings }) => family.type === kind.type && readings.length > 0,
    )
    if (busy.length > 0) lines.push('', ...section(kind, busy, look))
  }
  if (lines.length === 1) lines.push('nothing has been counted yet')
  return `${lines.join('\n')}\n\n`
}

interface Kind {
  readonly type: MetricFamily['type']
  readonly title: string
  readonly columns: readonly string[]
  readonly cells: (reading: Reading, unit: (value: number) => string) => string[]
}

const KINDS: readonly Kind[] = [
  {
    type: 'counter',
    title: 'Counters',
    columns: ['total', 'per second'],
    cells: ({ value, rate }) => [amount(value), rated(rate)],
  },
  {
    type: 'gauge',
    title: 'Gauges',
    columns: ['now'],
    cells: ({ value }, unit) => [unit(value)],
  },
  {
    type: 'histogram',
    title: 'Histograms',
    columns: ['per second', 'p50', 'p95', 'p99'],
    cells: ({ rate, stats }, unit) => [
      rated(rate),
      ...[stats?.p50, stats?.p95, stats?.p99].map((value) => unit(value ?? 0)),
    ],
  },
]

interface Busy {
  readonly family: MetricFamily
  readonly readings: readonly Reading[]
}

function section(kind: Kind, busy: readonly Busy[], { width, paint }: Look): string[] {
  const none = kind.columns.map(() => '')
  const rows: Row[] = [
    {
      name: kind.title,
      cells: kind.columns,
      trend: `trend${kind.type === 'histogram' ? ' of p95' : ''}`,
      styles: ['dim', 'dim'],
    },
  ]
  const heading = (name: string, style: Style) =>
    rows.push({ name, cells: none, trend: '', styles: [style, 'dim'] })
  for (const { family, readings } of busy) {
    const unit = /_seconds$/.test(family.exported) ? time : amount
    const bare = readings.length === 1 && readings[0]?.labels.length === 0
    if (!bare) heading(family.name, 'cyan')
    for (const reading of readings.slice(0, MOST)) {
      const labels = reading.labels.map(([label, value]) => `${label}=${value}`).join(' ')
      rows.push({
        name: bare ? family.name : `  ${labels || '(all)'}`,
        cells: kind.cells(reading, unit),
        trend: bars(reading.trend),
        styles: bare ? ['cyan', 'green'] : [undefined, 'green'],
      })
    }
    if (readings.length > MOST) heading(`  and ${grouped(readings.length - MOST)} more`, 'dim')
  }
  return aligned(rows, width, paint)
}

interface Row {
  readonly name: string
  readonly cells: readonly string[]
  readonly trend: string
  readonly styles: readonly [name: Style | undefined, trend: Style]
}

/** Cuts names to the width that the numbers leave. A name without numbers beside it may be as wide as the line. */
function aligned(rows: readonly Row[], width: number, paint: Paint): string[] {
  const numbers = table(rows.map(({ cells }) => ['', ...cells]))
  const taken = longest(numbers) + GAP + TREND
  const room = Math.max(LEAST_NAME, width - taken)
  const measured = rows.filter(({ trend }) => trend !== '').map(({ name }) => name)
  const column = Math.min(room, longest(measured))
  return rows.map(({ name, trend, styles }, i) => {
    const cut = shown(name, trend === '' ? width : room)
    const left = styles[0] === undefined ? cut : paint(styles[0], cut)
    if (trend === '') return left
    const beside = `${' '.repeat(column - cut.length)}${numbers[i]?.padEnd(taken - GAP - TREND)}`
    return `${left}${beside}${' '.repeat(GAP)}${paint(styles[1], trend)}`.trimEnd()
  })
}

// Not `Math.max(...)`: there may be more rows than a call takes arguments.
function longest(texts: readonly string[]): number {
  return texts.reduce((most, { length }) => Math.max(most, length), 0)
}

function read(family: MetricFamily, trends: Trends, { seconds }: Look): Reading[] {
  const readings: Reading[] = []
  for (const series of family) {
    const reading = trends.read(family, series, seconds)
    if (reading !== undefined && (family.type === 'gauge' || reading.value > 0))
      readings.push(reading)
  }
  const weight = ({ rate, value }: Reading) => (family.type === 'gauge' ? value : rate)
  return readings.length <= MOST ? readings : readings.sort((a, b) => weight(b) - weight(a))
}

/** A trend as one line of bars, its highest point as high as the line. */
function bars(trend: readonly number[]): string {
  const highest = Math.max(...trend, 0)
  const drawn = highest === 0 ? '' : (barsUp(trend, highest, 1)[0] ?? '')
  return drawn.padStart(TREND)
}

function rated(rate: number): string {
  if (rate === 0) return '-'
  return rate < 100 ? rate.toFixed(rate < 0.1 ? 3 : 1) : grouped(Math.round(rate))
}

function amount(value: number): string {
  if (!Number.isFinite(value)) return String(value)
  if (Number.isInteger(value)) return grouped(value)
  return value.toLocaleString('en-US', { maximumSignificantDigits: 4 })
}

/** Seconds as a duration; as a date when the number is far above any duration and so must be seconds since 1970. */
function time(seconds: number): string {
  return seconds >= FIRST_DATE && seconds < LAST_DATE ? dated(seconds) : span(seconds)
}

/** The year 2001, in seconds since 1970. As a duration this is 31 years. */
const FIRST_DATE = 1e9
/** The last moment that can be a Date. */
const LAST_DATE = 8.64e12

function dated(seconds: number): string {
  return new Date(seconds * 1000)
    .toISOString()
    .replace('T', ' ')
    .replace(/\.\d+Z$/, 'Z')
}

/** Seconds in the unit that is easiest to read. */
function span(seconds: number): string {
  if (seconds === 0) return '0 s'
  const small = Math.abs(seconds)
  if (small < 0.001) return `${precise(seconds * 1e6)} µs`
  if (small < 1) return `${precise(seconds * 1e3)} ms`
  if (small < 120) return `${precise(seconds)} s`
  return small < 7200 ? `${precise(seconds / 60)} min` : `${precise(seconds / 3600)} h`
}

function precise(value: number): string {
  return value.toLocaleString('en-US', { maximumSignificantDigits: 3 })
}
