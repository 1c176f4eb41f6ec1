import { barsDown, barsUp } from '../terminal/plot.ts'
import { grouped, type Paint, shown, table, wrapped } from '../terminal/terminal.ts'
import type { LimitReport, Report } from './report.ts'
import { joined } from './timeline.ts'

/** Lines of the plot above its axis, if all is allowed; and at most so many below if all is denied. */
const HEIGHT = 8

/** A report as people read it. */
export function showReport(report: Report, name: string, width: number, paint: Paint): string {
  const parts = [title(report, name, width, paint)]
  if (report.requests > 0) {
    parts.push(totals(report, paint))
    parts.push(overTime(report, width, paint))
    if (report.keys.length > 0) parts.push(worstHit(report, width, paint))
    parts.push(neededBursts(report, width, paint))
  }
  parts.push(notes(report, width, paint))
  return `${parts
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n')}\n`
}

function title(report: Report, name: string, width: number, paint: Paint): string[] {
  const limits = report.limits.map(withBurst).join(' and ')
  const span =
    report.from === null || report.to === null
      ? 'no requests'
      : `${clock(report.from)} to ${clock(report.to)} UTC`
  const keys = `${report.others === null ? '' : 'at most '}${grouped(report.keysSeen)}`
  const judged = `${report.algorithm} ${limits}, by ${shown(report.key, 40)}`
  const counted = `${shown(name, width - 20)}: ${grouped(report.requests)} requests, ${keys} keys`
  return [
    ...wrapped(judged, width).map((line) => paint('bold', line)),
    ...wrapped(counted, width),
    paint('dim', span),
  ]
}

function withBurst({ limit, burst }: LimitReport): string {
  return burst === null ? limit : `${limit} burst ${grouped(burst)}`
}

function totals({ requests, allowed, denied }: Report, paint: Paint): string[] {
  const [first = '', second = ''] = table([
    ['  allowed', grouped(allowed), percent(allowed, requests)],
    ['  denied', grouped(denied), percent(denied, requests)],
  ])
  return [paint('green', first), paint(denied > 0 ? 'red' : 'dim', second)]
}

function overTime({ timeline, from, to }: Report, width: number, paint: Paint): string[] {
  const margin = 11
  const room = width - margin - 1
  const count = Math.ceil(timeline.length / room)
  const columns = joined(timeline, count)
  // A short log is drawn with wider bars.
  const wide = Math.max(1, Math.min(8, Math.floor(room / columns.length)))
  const stretched = columns.flatMap((column) => Array<(typeof columns)[0]>(wide).fill(column))
  const most = Math.max(...columns.flatMap(({ allowed, denied }) => [allowed, denied]))
  const unit = most / HEIGHT
  const allowed = stretched.map((column) => column.allowed)
  const denied = stretched.map((column) => column.denied)
  const up = barsUp(allowed, unit, Math.ceil(Math.max(0, ...allowed) / unit))
  const down = barsDown(denied, unit, Math.ceil(Math.max(0, ...denied) / unit))
  const peak = (values: number[]) => grouped(Math.max(...values)).padStart(margin - 2)
  const label = (i: number, values: number[], text: string, last: number) =>
    i === last ? peak(values) : i === 1 && last === 0 ? text : ' '.repeat(margin - 2)
  const lines = [
    `  over time, each column ${inWords((timeline[0]?.seconds ?? 1) * count)}`,
    ...up.map((bar, i) => `${label(i, allowed, '  allowed', 0)} ┤${paint('green', bar)}`),
    `${'0'.padStart(margin - 2)} ┼${'─'.repeat(stretched.length)}`,
    ...down.map((bar, i) => {
      const side = i === down.length - 1 ? peak(denied) : ' '.repeat(margin - 2)
      return `${side} ┤${paint('red', bar)}`
    }),
  ]
  const begin = clock(from ?? '')
  const end = clock(to ?? '')
  const gap = Math.max(2, stretched.length - begin.length - end.length)
  lines.push(paint('dim', `${' '.repeat(margin)}${begin}${' '.repeat(gap)}${end}`))
  const legend = denied.some((value) => value > 0)
    ? 'above the line allowed, below it denied'
    : 'allowed'
  lines.push(paint('dim', `${' '.repeat(margin)}${legend}`))
  return lines
}

function worstHit({ keys, denied, key }: Report, width: number, paint: Paint): string[] {
  const room = Math.max(12, width - 46)
  const [head = '', ...rows] = table([
    [
      denied > 0 ? `worst hit by ${shown(key, 20)}` : 'most requests',
      'requests',
      'allowed',
      'denied',
      '',
    ],
    ...keys.map((count) => [
      shown(count.key, room),
      grouped(count.requests),
      grouped(count.allowed),
      grouped(count.denied),
      percent(count.denied, count.requests),
    ]),
  ])
  return [paint('dim', `  ${head}`), ...rows.map((row) => `  ${row}`)]
}

function neededBursts({ limits }: Report, width: number, paint: Paint): string[] {
  return [
    paint('dim', '  burst with which a token bucket would deny nothing'),
    ...limits.map(({ limit, neededBurst, neededBurstKey }) => {
      const head = `  ${limit}   ${grouped(neededBurst)}   by `
      return head + shown(neededBurstKey ?? '', Math.max(12, width - head.length))
    }),
  ]
}

function notes(report: Report, width: number, paint: Paint): string[] {
  const notes: string[] = []
  const { malformed, reordered, late, others, crowded, requests, key } = report
  if (requests === 0) notes.push('nothing to judge: the log is empty')
  if (malformed > 0) notes.push(`${plural(malformed, 'malformed line')} skipped`)
  if (reordered > 0) notes.push(`${plural(reordered, 'record')} out of order, put in place`)
  if (late > 0) notes.push(`${plural(late, 'record')} too late for that, judged when they came`)
  if (report.limits.length > 1) {
    const by = report.limits.map(({ limit, denied }) => `${limit} ${grouped(denied)}`)
    notes.push(`denied first by: ${by.join(', ')}`)
  }
  if (report.keys.length === 1 && report.keys[0]?.key === '-' && report.keysSeen === 1) {
    notes.push(`no record has a field '${shown(key, 40)}': all counted as one key`)
  }
  if (others !== null) {
    notes.push(
      `too many keys to count each: ${plural(others.keys, 'key')} that were denied least are added up ` +
        `(${grouped(others.requests)} requests, ${grouped(others.denied)} denied), and one that came back may have needed more burst`,
    )
  }
  if (crowded) {
    notes.push('more keys at once than the limits can tell apart: too many may have been denied')
  }
  return notes
    .flatMap((note) =>
      wrapped(note, width - 4).map((line, i) => `${i === 0 ? '  ' : '    '}${line}`),
    )
    .map((line) => paint('dim', line))
}

function percent(part: number, whole: number): string {
  return whole === 0 ? '0.0 %' : `${((part / whole) * 100).toFixed(1)} %`
}

function plural(count: number, noun: string): string {
  return `${grouped(count)} ${noun}${count === 1 ? '' : 's'}`
}

/** `2015-05-17 10:05:03` */
function clock(iso: string): string {
  return iso.slice(0, 19).replace('T', ' ')
}

function inWords(seconds: number): string {
  const [size, unit] =
    seconds < 120
      ? [1, 's']
      : seconds < 7200
        ? [60, 'min']
        : seconds < 172_800
          ? [3600, 'h']
          : [86_400, 'days']
  return `${Number((seconds / (size as number)).toFixed(1))} ${unit}`
}
