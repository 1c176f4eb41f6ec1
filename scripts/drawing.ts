const WIDE = 860
const LEFT = 150
const RIGHT = 24

/** A drawing with time from left to right. */
export class Drawing {
  readonly #parts: string[] = []
  readonly #seconds: number
  readonly #title: string
  readonly #height: number

  constructor(title: string, seconds: number, height: number) {
    this.#title = title
    this.#seconds = seconds
    this.#height = height
  }

  x(seconds: number): number {
    return round(LEFT + (seconds / this.#seconds) * (WIDE - LEFT - RIGHT))
  }

  add(...parts: string[]): void {
    this.#parts.push(...parts)
  }

  text(x: number, y: number, text: string, as = ''): void {
    this.add(`<text x="${x}" y="${y}"${as && ` class="${as}"`}>${text}</text>`)
  }

  band(from: number, to: number, y: number, high: number, as: string): void {
    const [x, end] = [this.x(from), this.x(to)]
    this.add(
      `<rect x="${x}" y="${y}" width="${round(end - x)}" height="${high}" rx="3" class="${as}"/>`,
    )
  }

  dot(at: number, y: number, as: string): void {
    this.add(`<circle cx="${this.x(at)}" cy="${y}" r="4.5" class="${as}"/>`)
  }

  line(x1: number, y1: number, x2: number, y2: number, as: string): void {
    this.add(`<path d="M${x1} ${y1}L${x2} ${y2}" class="${as}"/>`)
  }

  /** The seconds, below everything. */
  axis(step: number): void {
    const y = this.#height - 34
    for (let at = 0; at <= this.#seconds; at += step) {
      const x = this.x(at)
      this.line(x, 20, x, y, 'grid')
      this.text(x, y + 18, `${at} s`, 'middle small')
    }
  }

  get svg(): string {
    return [
      `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDE} ${this.#height}" role="img" aria-labelledby="title" font-family="Helvetica, Arial, 'DejaVu Sans', sans-serif">`,
      `  <title id="title">${this.#title}</title>`,
      '  <style>',
      '    text { font-size: 14px; fill: #1f2328 } .small { font-size: 12px; fill: #57606a } .middle { text-anchor: middle }',
      '    .grid { stroke: #d8dee4; fill: none } .level { stroke: #3b78c9; stroke-width: 1.6; fill: #e7f0fd }',
      '    .edge { stroke: #8c959f; stroke-dasharray: 4 3; fill: none }',
      '    .yes { fill: #1a7f37; stroke: #1a7f37 } .no { fill: #ffffff; stroke: #cf222e; stroke-width: 1.8 }',
      '    .failed { fill: #cf222e; stroke: #cf222e }',
      '    .held { fill: #b6d7bf } .kept { fill: #e3efe6 } .waits { fill: #fbe7c2 }',
      '    .waiting { fill: #fbe7c2 } .running { fill: #a9cdf5 } .delayed { fill: #f7c9cc } .completed { fill: #cfe8d5 }',
      '    .closed { fill: #cfe8d5 } .open { fill: #f7c9cc } .half_open { fill: #fbe7c2 }',
      '  </style>',
      `  <rect width="${WIDE}" height="${this.#height}" rx="14" fill="#ffffff"/>`,
      ...this.#parts.map((part) => `  ${part}`),
      '</svg>',
      '',
    ].join('\n')
  }
}

export function round(number: number): number {
  return Math.round(number * 10) / 10
}
