import { barsDown, barsUp } from '../../terminal/plot.ts'
import { grouped, type Paint, shown, table, wrapped } from '../../terminal/terminal.ts'
import { joined } from '../judging/timeline.ts'
import type { CompareReport, LimitReport, Report } from './replay-report.ts'
import { clock, inWords, keylessNote, percent, plural } from './words.ts'

/** Lines of the plot above its axis, if all is allowed; and at most so many below if all is denied. */
const HEIGHT = 8

/** A report as people read it. */
export function showReport(report: Report, name: string, width: number, paint: Paint): string {
  const parts = [title(report, name, width, paint), warning(report, width, paint)]
  if (report.requests > 0) {
    parts.push(totals(report, paint))
    parts.push(overTime(report, width, paint))
    if (report.keys.length > 0) parts.push(worstHit(report, width, paint))
    parts.push(neededBursts(report, width, paint))
    if (report.compare !== null) parts.push(compared(report, report.compare, width, paint))
  }
  parts.push(shownNotes(report, width, paint))
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
  const keys = `${report.others === null ? '' : 'at most '}${plural(report.keysSeen, 'key')}`
  const judged = `${report.algorithm} ${limits}, by ${shown(report.key, 40)}`
  const counted = `${shown(name, width - 20)}: ${plural(report.requests, 'request')}, ${keys}`
  return [
    ...wrapped(judged, width).map((line) => paint('bold', line)),
    ...wrapped(counted, width),
    paint('dim', span),
  ]
}

function withBurst({ limit, burst }: Pick<LimitReport, 'limit' | 'burst'>): string {
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

function compared(
  { requests, denied, key }: Report,
  compare: CompareReport,
  width: number,
  paint: Paint,
): string[] {
  const limits = compare.limits.map(withBurst).join(' and ')
  const { onlyLimit, onlyCompare, both } = compare.keysHit
  const counts = table([
    [
      '  denied by both',
      grouped(denied - compare.looser),
      percent(denied - compare.looser, requests),
    ],
    ['  only by --limit', grouped(compare.looser), percent(compare.looser, requests)],
    ['  only by --compare', grouped(compare.stricter), percent(compare.stricter, requests)],
  ])
  const room = Math.max(12, width - 46)
  const rows = table([
    [`treated differently by ${shown(key, 20)}`, 'requests', '--limit', '--compare'],
    ...compare.keys.map((count) => [
      shown(count.key, room),
      grouped(count.requests),
      grouped(count.denied),
      grouped(count.compareDenied),
    ]),
  ])
  return [
    ...wrapped(`compared with ${compare.algorithm} ${limits}`, width - 2).map((line) =>
      paint('bold', `  ${line}`),
    ),
    ...counts,
    `  keys hit by both ${grouped(both)}, only by --limit ${grouped(onlyLimit)}, only by --compare ${grouped(onlyCompare)}`,
    ...(compare.keys.length === 0
      ? []
      : rows.map((row, i) => (i === 0 ? paint('dim', `  ${row}`) : `  ${row}`))),
  ]
}

/** What makes the whole report doubtful: it stands in front of the figures. */
export function warning(read: Read, width: number, paint: Paint): string[] {
  const note = keylessNote(read)
  return note === undefined ? [] : noteLines(note, width).map((line) => paint('bold', line))
}

/** All other notes, as the last lines of a report on a terminal. */
export function shownNotes(read: Read, width: number, paint: Paint): string[] {
  const first = keylessNote(read)
  return read.notes
    .filter((note) => note !== first)
    .flatMap((note) => noteLines(note, width))
    .map((line) => paint('dim', line))
}

type Read = Pick<Report, 'missing' | 'requests' | 'key' | 'notes'>

function noteLines(note: string, width: number): string[] {
  return wrapped(shown(note, 1000), width - 4).map((line, i) => `${i === 0 ? '  ' : '    '}${line}`)
}
