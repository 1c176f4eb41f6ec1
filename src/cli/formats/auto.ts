import { alb } from './alb.ts'
import { combined } from './clf.ts'
import { envoy } from './envoy.ts'
import { haproxy } from './haproxy.ts'
import { iis } from './iis.ts'
import { jsonReader } from './json/json.ts'
import { nlb } from './nlb.ts'
import { behindPrefix } from './prefix.ts'
import type { Fault, LineReader, LogFormat, LogRecord, Wanted } from './record.ts'
import { s3 } from './s3.ts'
import { cloudfront, w3c } from './w3c.ts'

/**
 * Any format, told line by line, because a log may change its format on the way. The format of the last line is tried
 * first, so a log of one format is not compared with the others.
 */
export const auto: LogFormat = { name: 'auto', reader: (wanted) => new AutoReader(wanted).read }

/** JSON lines. Within them, any format. */
export const json: LogFormat = {
  name: 'json',
  reader: (wanted) => jsonReader(wanted, new AutoReader(wanted).read),
}

/** A fault that says more comes before one that says less. */
const TELLING: Readonly<Record<Fault, number>> = { shape: 0, time: 1, client: 2, comment: 3 }

class AutoReader {
  readonly #w3c: LineReader
  readonly #json: LineReader
  readonly #others: readonly LineReader[]
  /** The format of the last line. */
  #last: LineReader
  constructor(wanted: Wanted) {
    this.#w3c = w3c.reader(wanted)
    this.#json = jsonReader(wanted, (line) => this.#text(line))
    // CloudFront's and IIS' own are last: any line with tabs or commas could be theirs.
    const texts = [combined, haproxy, envoy, alb, nlb, s3, iis, cloudfront]
    this.#others = [this.#w3c, ...texts.map((format) => format.reader(wanted))]
    this.#last = this.#others[1] as LineReader
  }

  readonly read: LineReader = (line) => {
    if (line.charCodeAt(0) === 0x7b) return this.#json(line)
    const found = behindPrefix(line, this.#line)
    if (typeof found !== 'string' || !line.endsWith('}')) return found
    // Behind an unknown prefix, JSON still begins with a brace.
    const brace = line.indexOf('{')
    const object = brace < 0 ? 'shape' : this.#json(line.slice(brace))
    return typeof object === 'string' ? moreTelling(object, found) : object
  }

  readonly #line: LineReader = (line) =>
    line.charCodeAt(0) === 0x7b ? this.#json(line) : this.#text(line)

  #text(line: string): LogRecord | Fault {
    if (line.charCodeAt(0) === 0x23) return this.#w3c(line)
    const found = this.#last(line)
    if (typeof found !== 'string') return found
    let fault = found
    for (const reader of this.#others) {
      if (reader === this.#last) continue
      const other = reader(line)
      if (typeof other !== 'string') {
        this.#last = reader
        return other
      }
      fault = moreTelling(fault, other)
    }
    return fault
  }
}

function moreTelling(a: Fault, b: Fault): Fault {
  return TELLING[a] >= TELLING[b] ? a : b
}
