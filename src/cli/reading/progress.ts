import { grouped, type Output } from '../../terminal/terminal.ts'

/** How often it is drawn, in milliseconds. */
const EVERY = 100
const WIDTH = 30

/** How far the files have been read, drawn over itself on one line of a terminal; nothing at all in a pipe. */
export class Progress {
  readonly #output: Output
  readonly #total: number | undefined
  #done = 0
  #drawn = 0

  /** @param total in bytes, where it is known */
  constructor(output: Output, total: number | undefined) {
    this.#output = output
    this.#total = total
  }

  /** The same bytes, counted. */
  async *count(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of bytes) {
      this.#done += chunk.length
      this.#draw(() => (this.#total ? this.#bar(this.#total) : this.#megabytes()))
      yield chunk
    }
  }

  /** Shows what is done after the files have been read. */
  say(text: string): void {
    this.#draw(() => text)
  }

  /** Wipes the line. */
  end(): void {
    if (this.#drawn > 0) this.#output.write('\r\x1b[K')
  }

  #draw(text: () => string): void {
    const now = performance.now()
    if (!this.#output.isTTY || now - this.#drawn < EVERY) return
    this.#drawn = now
    this.#output.write(`\r\x1b[K${text()}`)
  }

  #bar(total: number): string {
    const share = Math.min(1, this.#done / total)
    const full = Math.round(share * WIDTH)
    return `${'█'.repeat(full)}${'░'.repeat(WIDTH - full)} ${Math.floor(share * 100)} %`
  }

  #megabytes(): string {
    return `${grouped(Math.round(this.#done / 1e5) / 10)} MB`
  }
}
