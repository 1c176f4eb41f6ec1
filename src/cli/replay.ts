import { paintFor, type Terminal, widthOf } from '../terminal/terminal.ts'
import { Comparison } from './judging/comparison.ts'
import { Judge, type Verdict } from './judging/judge.ts'
import { readLog, writePage } from './log-report.ts'
import { HELP, replayOptions } from './replay-options.ts'
import { replayPage } from './report/html/replay-page.ts'
import { Tally } from './report/replay-tally.ts'
import { showReport } from './report/show-replay.ts'

/** `aioflux replay`. */
export async function replay(args: readonly string[], terminal: Terminal): Promise<void> {
  const options = replayOptions(args)
  const { stdout } = terminal
  if (options === undefined) {
    stdout.write(HELP)
    return
  }
  const { compare, json, html } = options
  const judge = new Judge(options)
  const other = compare && new Judge(compare)
  const comparison = compare && new Comparison()
  const tally = new Tally(options)
  const { counts, name } = await readLog(options, terminal, (records) => {
    const verdicts = judge.judge(records)
    for (const verdict of verdicts) tally.add(verdict)
    other?.judge(records).forEach((verdict, i) => {
      comparison?.add(verdicts[i] as Verdict, verdict)
    })
  })
  const report = tally.report(counts, judge, comparison)
  if (html !== undefined) await writePage(html, replayPage(report, name))
  if (json) stdout.write(`${JSON.stringify(report)}\n`)
  else stdout.write(showReport(report, name, widthOf(stdout), paintFor(terminal)))
}
