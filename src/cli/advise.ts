import { paintFor, type Terminal, widthOf } from '../terminal/terminal.ts'
import { advise as adviceFrom } from './advise/advice.ts'
import { History } from './advise/history.ts'
import { adviseOptions, HELP } from './advise-options.ts'
import { readLog, writePage } from './log-report.ts'
import { Progress } from './reading/progress.ts'
import { advicePage } from './report/html/advice-page.ts'
import { showAdvice } from './report/show-advice.ts'

/** `aioflux advise`. */
export async function advise(args: readonly string[], terminal: Terminal): Promise<void> {
  const options = adviseOptions(args)
  const { stdout, stderr } = terminal
  if (options === undefined) {
    stdout.write(HELP)
    return
  }
  const history = new History(options.wanted.cost !== undefined)
  const { counts, name } = await readLog(options, terminal, (records) => {
    for (const record of records) history.add(record)
  })
  const progress = new Progress(stderr, undefined)
  const advice = adviceFrom(options, history, counts, (text) => progress.say(text))
  progress.end()
  if (options.html !== undefined) await writePage(options.html, advicePage(advice, name))
  if (options.json) stdout.write(`${JSON.stringify(advice)}\n`)
  else stdout.write(showAdvice(advice, name, widthOf(stdout), paintFor(terminal)))
}
