/** What a command reads from and writes to; `process` is one. */
export interface Terminal {
  readonly stdin: AsyncIterable<Uint8Array | string>
  readonly stdout: Output
  readonly stderr: Output
  readonly env: {
    readonly NO_COLOR?: string | undefined
    readonly TERM?: string | undefined
    /** The name of the user. */
    readonly USER?: string | undefined
  }
}

export interface Output {
  write(text: string): unknown
  readonly isTTY?: boolean
  readonly columns?: number
}

/** The width of the text when the output is a pipe. */
const PIPE_WIDTH = 80
const WIDEST = 160

export function widthOf(output: Output): number {
  const columns = (output.isTTY && output.columns) || PIPE_WIDTH
  return Math.max(40, Math.min(columns, WIDEST))
}

export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan'
/** Text in a style, or as it is where there are no colours. */
export type Paint = (style: Style, text: string) => string

const CODES: Readonly<Record<Style, readonly [on: number, off: number]>> = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  cyan: [36, 39],
}

/** Colours on a terminal only, and none where the user turned them off (https://no-color.org). */
export function paintFor({ stdout, env }: Pick<Terminal, 'stdout' | 'env'>): Paint {
  if (!stdout.isTTY || env.NO_COLOR || env.TERM === 'dumb') return (_style, text) => text
  return (style, text) => `\x1b[${CODES[style][0]}m${text}\x1b[${CODES[style][1]}m`
}

/**
 * Text from a log in a form that is safe to show: text of a client must not steer the terminal.
 * Control characters are shown as dots, and text longer than `most` is cut.
 */
export function shown(text: string, most: number): string {
  // Also characters that change the direction of the text, and line separators.
  const plain = text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '·')
  return plain.length > most ? `${plain.slice(0, most - 1)}…` : plain
}

export function grouped(number: number): string {
  return number.toLocaleString('en-US')
}

/** Rows in columns, as wide as their widest cell; the first to the left, the others to the right. */
export function table(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)))
  return rows.map((row) =>
    row
      .map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)))
      .join('   ')
      .trimEnd(),
  )
}

/** Words in lines of at most `width`. */
export function wrapped(text: string, width: number): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line)
      line = word
    } else {
      line = line === '' ? word : `${line} ${word}`
    }
  }
  return [...lines, line]
}
