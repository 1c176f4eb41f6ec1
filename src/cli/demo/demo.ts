import { parseArgs } from 'node:util'
import { OptionTypeError } from '../../core/errors.ts'
import { barsUp } from '../../terminal/plot.ts'
import { type Paint, paintFor, type Style, type Terminal, table } from '../../terminal/terminal.ts'
import { mostInAnySecond, perSecond, RATE, type Show, shows } from './limits.ts'
import { measured } from './measure.ts'
import { arrivals, SCENES, SECONDS } from './traffic.ts'

const HELP = `usage: aioflux demo

Sends one minute of made-up traffic through four kinds of limit and draws what each lets through.
It needs no file and no network, and takes a second: the minute is not waited for.
`

/** `aioflux demo`. */
export async function demo(args: readonly string[], terminal: Terminal): Promise<void> {
  if (wantsHelp(args)) {
    terminal.stdout.write(HELP)
    return
  }
  const paint = paintFor(terminal)
  const offered = arrivals()
  const all = await shows(offered)
  const print = (...lines: string[]) => terminal.stdout.write(`${lines.join('\n')}\n`)
  print('', paint('bold', `  One client, one minute, four limits of ${RATE} requests a second`), '')
  print(sceneLine(paint))
  print(...panel('offered', `${offered.length} requests`, offered, 'cyan', paint), '')
  for (const { name, says, passed } of all) print(...panel(name, says, passed, 'green', paint))
  print(...axis(paint), '')
  print(...figures(offered, all, paint), '')
  const { allow, acquire } = await measured()
  print(
    `  Measured here, just now: ${millions(allow)} decisions a second by allow(key),`,
    `  ${millions(acquire)} by await acquire(key); token bucket, 1,000 keys, one thread.`,
    '',
    '  What would a limit do to your own traffic? Ask your access log:',
    paint('bold', '  npx aioflux replay access.log --limit 100/1m --key ip'),
  )
}

function wantsHelp(args: readonly string[]): boolean {
  try {
    return (
      parseArgs({ args: [...args], options: { help: { type: 'boolean', short: 'h' } } }).values
        .help === true
    )
  } catch (error) {
    const [said = ''] = (error as Error).message.split(/\. |\n/)
    throw new OptionTypeError(args[0] ?? 'arguments', said)
  }
}

const MARGIN = 7

function sceneLine(paint: Paint): string {
  let line = ''
  for (const { name, from } of SCENES) {
    // A scene may be shorter than its name.
    line = (line === '' ? '' : `${line}  `).padEnd(MARGIN + from) + name
  }
  return paint('dim', line)
}

/** A name, what it means, and a column for every second. A line of a bar is as much as the limits let through. */
function panel(
  name: string,
  says: string,
  times: readonly number[],
  style: Style,
  paint: Paint,
): string[] {
  const counts = perSecond(times, SECONDS)
  const height = Math.ceil(Math.max(...counts) / RATE)
  const bars = barsUp(counts, RATE, height)
  return [
    `${' '.repeat(MARGIN)}${paint('bold', name)}${paint('dim', `  ${says}`)}`,
    ...bars.map((bar, i) => {
      const label = i === 0 || i === height - 1 ? `${(height - i) * RATE}/s` : ''
      return `${paint('dim', `${label.padStart(MARGIN - 1)}┤`)}${paint(style, bar)}`
    }),
  ]
}

function axis(paint: Paint): string[] {
  const ticks = Array.from({ length: SECONDS / 10 }, () => '┬─────────').join('')
  let labels = ''
  for (let at = 0; at < SECONDS; at += 10) labels = labels.padEnd(MARGIN + at) + String(at)
  return [
    paint('dim', `${' '.repeat(MARGIN - 1)}└${ticks}`),
    paint('dim', `${labels.padEnd(MARGIN + SECONDS - 3)}${SECONDS} s`),
  ]
}

function figures(offered: readonly number[], all: readonly Show[], paint: Paint): string[] {
  const [head = '', ...rows] = table([
    ['', 'offered', 'allowed', 'denied', 'most in a clock second', 'in any second'],
    ...all.map(({ name, passed }) => [
      name,
      String(offered.length),
      String(passed.length),
      String(offered.length - passed.length),
      String(Math.max(...perSecond(passed, SECONDS))),
      String(mostInAnySecond(passed)),
    ]),
  ])
  return [paint('dim', `  ${head}`), ...rows.map((row) => `  ${row}`)]
}

function millions(perSecond: number): string {
  return `${(perSecond / 1e6).toFixed(1)} million`
}
