import { pipeline, Readable } from 'node:stream'
import { StringDecoder } from 'node:string_decoder'
import { createGunzip } from 'node:zlib'

/** Longer lines are not kept: no server writes them, and a file without a newline must not fill the memory. */
export const LONGEST_LINE: number = 64 * 1024

const CHUNK = 256 * 1024

/** What one piece of the file held. */
export interface Lines {
  /** Lines that ended in it, without their ends; blank ones are left out. */
  readonly lines: string[]
  /** How many more were longer than {@link LONGEST_LINE}. */
  readonly tooLong: number
}

/** The lines of a log in pieces, unpacked if it begins like gzip does, whatever it is called. */
export async function* logLines(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Lines> {
  const decoder = new StringDecoder('utf8')
  const splitter = new LineSplitter()
  for await (const chunk of unpacked(bytes)) yield splitter.push(decoder.write(Buffer.from(chunk)))
  yield splitter.end(decoder.end())
}

class LineSplitter {
  /** The beginning of a line whose end has not come yet. */
  #rest = ''
  /** Is the line at hand already too long, and is its end only waited for? */
  #skipping = false
  #first = true

  push(text: string): Lines {
    const lines: string[] = []
    let tooLong = 0
    let start = 0
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', start)) {
      if (this.#skipping || this.#rest.length + end - start > LONGEST_LINE) {
        tooLong += 1
      } else {
        this.#keep(this.#rest + text.slice(start, end), lines)
      }
      this.#rest = ''
      this.#skipping = false
      start = end + 1
    }
    if (!this.#skipping) {
      this.#rest += text.slice(start)
      this.#skipping = this.#rest.length > LONGEST_LINE
    }
    if (this.#skipping) this.#rest = ''
    return { lines, tooLong }
  }

  /** The last line may lack its end. */
  end(text: string): Lines {
    return this.push(`${text}\n`)
  }

  #keep(line: string, lines: string[]): void {
    let kept = line.endsWith('\r') ? line.slice(0, -1) : line
    if (this.#first && kept.startsWith('\ufeff')) kept = kept.slice(1)
    this.#first = false
    if (kept !== '') lines.push(kept)
  }
}

async function* unpacked(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const chunks = bytes[Symbol.asyncIterator]()
  let head = Buffer.alloc(0)
  // A pipe may hand over its first bytes one by one.
  while (head.length < 2) {
    const next = await chunks.next()
    if (next.done) break
    head = Buffer.concat([head, next.value])
  }
  const all = chain(head, chunks)
  if (head[0] !== 0x1f || head[1] !== 0x8b) {
    yield* all
    return
  }
  const gunzip = createGunzip({ chunkSize: CHUNK })
  // Its errors reach whoever reads from `gunzip`.
  pipeline(Readable.from(all, { objectMode: false }), gunzip, () => {})
  yield* gunzip
}

async function* chain(
  head: Uint8Array,
  rest: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  if (head.length > 0) yield head
  for (let next = await rest.next(); !next.done; next = await rest.next()) yield next.value
}
