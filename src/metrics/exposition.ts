import { macrotask } from '../core/macrotask.ts'
import type { MetricFamily, Series } from './family.ts'
import type { HistogramSeries } from './histogram.ts'

/** The format of the text: Prometheus text 0.0.4, or OpenMetrics 1.0.0. */
export type Format = 'text' | 'openmetrics'

export const CONTENT_TYPES: Readonly<Record<Format, string>> = {
  text: 'text/plain; version=0.0.4; charset=utf-8',
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
}

/** The length of a slice of text, in characters: a fraction of a millisecond of work. */
const SLICE = 32_768

/**
 * All metrics as text, slice by slice. The event loop runs between two slices, so a long answer delays nothing. The values of one series
 * are of one moment; those of different series may be of different moments.
 *
 * @see https://prometheus.io/docs/instrumenting/exposition_formats/
 * @see https://github.com/prometheus/OpenMetrics/blob/v1.0.0/specification/OpenMetrics.md
 */
export async function* exposition(
  families: Iterable<MetricFamily>,
  format: Format,
): AsyncGenerator<string, void, undefined> {
  let text = ''
  for (const family of families) {
    let headed = false
    for (const series of family) {
      const lines = linesOf(family, series, format)
      if (lines === '') continue
      if (!headed) text += heading(family, format)
      headed = true
      text += lines
      if (text.length < SLICE) continue
      yield text
      text = ''
      await new Promise<void>(macrotask)
    }
  }
  if (format === 'openmetrics') text += '# EOF\n'
  if (text !== '') yield text
}

/**
 * The format that a scraper prefers, by its header `Accept`; plain text without one.
 */
export function formatFor(accept: string | undefined): Format {
  let best: Format = 'text'
  let quality = 0
  for (const range of (accept ?? '').split(',')) {
    const [type = '', ...params] = range.split(';').map((part) => part.trim().toLowerCase())
    const q = Number(params.find((param) => param.startsWith('q='))?.slice(2) ?? 1)
    const format =
      type === 'application/openmetrics-text' ? 'openmetrics' : type === 'text/plain' ? 'text' : ''
    if (format === '' || !(q > quality)) continue
    // Only version 1.0.0 of OpenMetrics is written here.
    const version = params.find((param) => param.startsWith('version='))?.slice(8)
    if (format === 'openmetrics' && version !== undefined && version !== '1.0.0') continue
    best = format
    quality = q
  }
  return best
}

function heading(family: MetricFamily, format: Format): string {
  const name =
    family.type === 'counter' && format === 'text' ? `${family.exported}_total` : family.exported
  const help = family.help.replace(format === 'text' ? /[\\\n]/g : /[\\\n"]/g, (char) =>
    char === '\n' ? '\\n' : `\\${char}`,
  )
  return `${help === '' ? '' : `# HELP ${name} ${help}\n`}# TYPE ${name} ${family.type}\n`
}

function linesOf(family: MetricFamily, series: Series, format: Format): string {
  if (series.type === 'histogram') return histogramLines(family.exported, series, format)
  const { value } = series
  if (value === undefined) return ''
  const name = family.type === 'counter' ? `${family.exported}_total` : family.exported
  return `${name}${braced(series.text)} ${numeral(value)}\n`
}

function histogramLines(name: string, series: HistogramSeries, format: Format): string {
  const { text } = series
  const others = text === '' ? '' : `${text},`
  let lines = ''
  for (const [le, count] of series.cumulative()) {
    lines += `${name}_bucket{${others}le="${bound(le, format)}"} ${count}\n`
  }
  const braces = braced(text)
  return `${lines}${name}_sum${braces} ${numeral(series.sum)}\n${name}_count${braces} ${series.count}\n`
}

function braced(text: string): string {
  return text === '' ? '' : `{${text}}`
}

/** OpenMetrics wants bounds as floats. */
function bound(le: string, format: Format): string {
  return format === 'openmetrics' && /^-?\d+$/.test(le) ? `${le}.0` : le
}

function numeral(value: number): string {
  if (value === Infinity) return '+Inf'
  return value === -Infinity ? '-Inf' : String(value)
}
