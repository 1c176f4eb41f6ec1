import { StringDecoder } from 'node:string_decoder'

/** Longer lines are not kept: no server writes them, and a file without a newline must not fill the memory. */
export const LONGEST_LINE: number = 64 * 1024

/** What one piece of the file held. */
export interface Lines {
  /** Lines that ended in it, without their ends; blank ones are left out. */
  readonly lines: string[]
  /** How many more were longer than {@link LONGEST_LINE}. */
  readonly tooLong: number
}

/** The lines of a log in pieces. The text is UTF-8, or UTF-16 with a byte order mark as PowerShell writes it. */
export async function* linesOf(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Lines> {
  let decoder: StringDecoder | undefined
  const splitter = new LineSplitter()
  for await (const chunk of bytes) {
    const piece = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
    decoder ??= new StringDecoder(piece[0] === 0xff && piece[1] === 0xfe ? 'utf16le' : 'utf8')
    yield splitter.push(decoder.write(piece))
  }
  yield splitter.end(decoder?.end() ?? '')
}

class LineSplitter {
  /** The beginning of a line whose end has not come yet. */
  #rest = ''
  /** True while the end of a line that is already too long is waited for. */
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
