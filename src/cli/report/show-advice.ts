import { grouped, type Paint, shown, table, wrapped } from '../../terminal/terminal.ts'
import type { Advice, CurvePoint } from '../advise/advice-report.ts'
import type { Algorithm } from '../judging/limit.ts'
import { shownNotes, warning } from './show-replay.ts'
import { clock, inWords, plural, share } from './words.ts'

/** Lines of the plot for each algorithm. */
const MOST_LINES = 14

/** An advice as people read it. */
export function showAdvice(advice: Advice, name: string, width: number, paint: Paint): string {
  const parts = [title(advice, name, width, paint), warning(advice, width, paint)]
  if (advice.requests > 0) {
    parts.push(limits(advice, paint))
    for (const { algorithm } of advice.limits) parts.push(curve(advice, algorithm, width, paint))
    if (advice.hit.length > 0) parts.push(hit(advice, width, paint))
    parts.push(code(advice, paint))
  }
  parts.push(shownNotes(advice, width, paint))
  return `${parts
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n')}\n`
}

/** `the smallest limits that deny at most 0.1 % of the requests, by ip` */
export function question({ deny, by, key }: Advice): string {
  const what = by === 'requests' ? 'deny at most' : 'ever deny at most'
  return `the smallest limits that ${what} ${share(deny)} of the ${by}, by ${shown(key, 40)}`
}

/** A limit as `--limit` takes it: `10/1m`. */
export function limitText(rate: number, per: number): string {
  const [size, unit] = UNITS.find(([size]) => Number.isInteger(per / size)) ?? [0.001, 'ms']
  return `${grouped(rate)}/${Number((per / size).toPrecision(12))}${unit}`
}

const UNITS: readonly (readonly [seconds: number, unit: string])[] = [
  [86_400, 'd'],
  [3600, 'h'],
  [60, 'm'],
  [1, 's'],
]

function title(advice: Advice, name: string, width: number, paint: Paint): string[] {
  const { from, to, requests, keysSeen, sampled } = advice
  const about = sampled === null ? '' : 'about '
  const counted = `${shown(name, width - 20)}: ${plural(requests, 'request')}, ${about}${plural(keysSeen, 'key')}`
  return [
    ...wrapped(question(advice), width).map((line) => paint('bold', line)),
    ...wrapped(counted, width),
    paint(
      'dim',
      from === null || to === null ? 'no requests' : `${clock(from)} to ${clock(to)} UTC`,
    ),
  ]
}

function limits({ limits, per, requests, keysSeen }: Advice, paint: Paint): string[] {
  const [head = '', ...rows] = table([
    ['', 'limit', 'denied', '', 'keys hit', '', 'knee'],
    ...limits.map(({ algorithm, rate, denied, deniedKeys, knee }) => [
      algorithm,
      limitText(rate, per),
      grouped(denied),
      share(denied / requests),
      grouped(deniedKeys),
      share(deniedKeys / keysSeen),
      knee === null ? '-' : limitText(knee.rate, per),
    ]),
  ])
  return [paint('dim', `  ${head}`), ...rows.map((row) => `  ${row}`)]
}

function curve(advice: Advice, algorithm: Algorithm, width: number, paint: Paint): string[] {
  const { per, requests } = advice
  const limit = advice.limits.find((each) => each.algorithm === algorithm)
  const points = advice.curve.filter((point) => point.algorithm === algorithm)
  const marked = [limit?.rate, limit?.knee?.rate]
  const drawn = thinned(points, marked)
  const most = Math.max(...drawn.map(({ denied }) => denied), 1)
  const cells = table([
    ['', ''],
    ...drawn.map(({ rate, denied }) => [limitText(rate, per), share(denied / requests)]),
  ]).slice(1)
  const room = Math.max(8, width - 26 - Math.max(...cells.map((cell) => cell.length)))
  const lines = drawn.map(({ rate, denied }, i) => {
    const bar = barOf(denied / most, room)
    const mark = rate === limit?.rate ? ' <- advised' : rate === limit?.knee?.rate ? ' <- knee' : ''
    return `  ${cells[i]}  ${paint('red', bar)}${paint('bold', mark)}`
  })
  return [paint('dim', `  denied by ${algorithm}, by its limit`), ...lines]
}

/** At most {@link MOST_LINES} points, the marked ones among them. */
function thinned(points: readonly CurvePoint[], marked: readonly (number | undefined)[]) {
  const step = Math.ceil(points.length / MOST_LINES)
  return points.filter(
    ({ rate }, i) => i % step === 0 || i === points.length - 1 || marked.includes(rate),
  )
}

const EIGHTHS = ' ▏▎▍▌▋▊▉█'

function barOf(part: number, room: number): string {
  const eighths = part > 0 ? Math.max(1, Math.round(part * room * 8)) : 0
  return ('█'.repeat(eighths >> 3) + EIGHTHS[eighths & 7]).trimEnd()
}

function hit({ hit, limits, key, per }: Advice, width: number, paint: Paint): string[] {
  const room = Math.max(12, width - 46 - 17 * (limits.length - 1))
  const [head = '', ...rows] = table([
    [
      `hit by ${shown(key, 20)}`,
      'requests',
      `most in ${inWords(per)}`,
      'burstiness',
      ...limits.map(({ algorithm }) => algorithm),
    ],
    ...hit.map((each) => [
      shown(each.key, room),
      grouped(each.requests),
      grouped(each.peak),
      each.burstiness.toFixed(1),
      ...limits.map(({ algorithm }) => grouped(each.deniedBy[algorithm] ?? 0)),
    ]),
  ])
  return [
    paint('dim', `  ${head}`),
    ...rows.map((row) => `  ${row}`),
    paint('dim', '  burstiness: the most in one window, divided by the mean; 1 is even'),
  ]
}

function code({ limits }: Advice, paint: Paint): string[] {
  return limits.map(({ code }) => paint('cyan', `  ${code}`))
}
