import { callback, having, known, type OptionTable } from '../core/check.ts'
import { type Cancel, type Clock, systemClock } from '../core/clock.ts'
import { type Duration, type Millis, toMillis } from '../core/duration.ts'
import { describe, OptionRangeError } from '../core/errors.ts'
import { type Output, paintFor, widthOf } from '../terminal/terminal.ts'
import { type Metrics, metrics as processMetrics } from './metrics.ts'
import { checkMetrics } from './prometheus-exporter.ts'
import { report } from './report.ts'
import { Trends } from './trends.ts'

/** Options of {@link ConsoleMonitor}. */
export interface ConsoleMonitorOptions {
  /** How often it writes. @default '10s' */
  checkInterval?: Duration
  /** The metrics that it shows. @default the metrics of the process */
  metrics?: Metrics
  /** Writes the text. @default to standard output, in colour on a terminal */
  write?: (text: string) => void
  /** @default the runtime's clock */
  clock?: Clock
}

export const CONSOLE_MONITOR_OPTIONS: OptionTable<ConsoleMonitorOptions> = {
  checkInterval: true,
  metrics: true,
  write: true,
  clock: true,
}

/**
 * Writes a table of all metrics to the console at intervals: totals, rates since the last table, percentiles, and a small chart of each.
 *
 * @example
 * const monitor = new ConsoleMonitor({ checkInterval: '5s' }).start()
 */
export class ConsoleMonitor implements AsyncDisposable {
  readonly #metrics: Metrics
  readonly #interval: Millis
  readonly #clock: Clock
  readonly #output: Output
  readonly #noColor: string | undefined
  readonly #trends = new Trends()
  #began: Millis
  #last: Millis | undefined
  #cancel: Cancel | undefined

  /** @throws OptionTypeError | OptionRangeError naming the option and its value */
  constructor(options: ConsoleMonitorOptions = {}) {
    known('ConsoleMonitor', options, CONSOLE_MONITOR_OPTIONS)
    const { checkInterval = 10, metrics = processMetrics, write, clock = systemClock } = options
    this.#interval = toMillis('checkInterval', checkInterval)
    if (this.#interval === 0) {
      throw new OptionRangeError(
        'checkInterval',
        `checkInterval must be > 0, got ${describe(checkInterval)}`,
      )
    }
    callback('write', write)
    having('clock', clock, 'now')
    this.#metrics = checkMetrics(metrics)
    this.#clock = clock
    this.#began = clock.now()
    const { process } = globalThis as {
      process?: { stdout?: Output; env?: Record<string, string | undefined> }
    }
    this.#noColor = process?.env?.['NO_COLOR']
    this.#output =
      write === undefined ? (process?.stdout ?? { write: (text) => console.log(text) }) : { write }
  }

  /** Begins to write, the first time after one interval. A second call does nothing. Does not keep the process alive. */
  start(): this {
    if (this.#cancel !== undefined) return this
    this.#began = this.#clock.now()
    this.#look()
    this.#arm()
    return this
  }

  /** Stops writing, at once. May be called twice, and the monitor may be started again. */
  async stop(): Promise<void> {
    this.#cancel?.()
    this.#cancel = undefined
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  /** Writes once, now. */
  show(): void {
    this.#output.write(this.#look())
  }

  #look(): string {
    const now = this.#clock.now()
    const seconds = this.#last === undefined ? 0 : (now - this.#last) / 1000
    this.#last = now
    const width = widthOf(this.#output)
    const paint = paintFor({ stdout: this.#output, env: { NO_COLOR: this.#noColor } })
    return report(this.#metrics, this.#trends, {
      up: (now - this.#began) / 1000,
      seconds,
      width,
      paint,
    })
  }

  #arm(): void {
    const look = () => {
      this.#arm()
      this.show()
    }
    this.#cancel = (this.#clock.after ?? systemClock.after)?.call(
      this.#clock,
      this.#interval,
      look,
      true,
    )
  }
}
