import { grouped } from '../../../terminal/terminal.ts'
import { joined } from '../../judging/timeline.ts'
import type { Report } from '../replay-report.ts'
import { clock, inWords } from '../words.ts'
import { html, type Markup } from './page.ts'

const WIDTH = 960
const LEFT = 70
const UP = 190
const MOST_COLUMNS = 220
/** Readable on white and on black. */
export const GREEN = '#2a9d5c'
export const RED = '#d64545'
export const BLUE = '#3b82c4'

/** Allowed above the line and denied below it, over time. */
export function timelineChart({ timeline, from, to }: Report): Markup {
  const count = Math.ceil(timeline.length / MOST_COLUMNS)
  const columns = joined(timeline, count)
  const highest = largest(columns.map(({ allowed }) => allowed))
  const lowest = largest(columns.map(({ denied }) => denied))
  const unit = UP / Math.max(highest, lowest, 1)
  const down = lowest * unit
  const axis = 20 + UP
  const height = axis + down + 46
  const step = (WIDTH - LEFT) / columns.length
  const bars = columns.map(({ allowed, denied }, i) => {
    const x = fixed(LEFT + i * step)
    const width = fixed(Math.max(0.5, step - Math.min(1, step / 5)))
    const above = html`<rect x="${x}" y="${fixed(axis - allowed * unit)}" width="${width}" height="${fixed(allowed * unit)}" fill="${GREEN}"/>`
    const below = html`<rect x="${x}" y="${fixed(axis)}" width="${width}" height="${fixed(denied * unit)}" fill="${RED}"/>`
    return html`${allowed > 0 ? above : html``}${denied > 0 ? below : html``}`
  })
  const end = fixed(height - 22)
  return html`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${fixed(WIDTH)} ${fixed(height)}" role="img" aria-label="Requests over time: allowed above the line, denied below it" font-family="system-ui, sans-serif" font-size="13" fill="currentColor">
${bars}
<path d="M${fixed(LEFT)} ${fixed(axis)}H${fixed(WIDTH)}" stroke="currentColor" stroke-opacity=".5"/>
<text x="${fixed(LEFT - 8)}" y="${fixed(axis - highest * unit + 5)}" text-anchor="end">${highest}</text>
<text x="${fixed(LEFT - 8)}" y="${fixed(axis + 4)}" text-anchor="end">0</text>
${lowest > 0 ? html`<text x="${fixed(LEFT - 8)}" y="${fixed(Math.max(axis + 18, axis + down))}" text-anchor="end">${lowest}</text>` : html``}
<text x="${fixed(LEFT)}" y="${end}">${clock(from ?? '')}</text>
<text x="${fixed((LEFT + WIDTH) / 2)}" y="${end}" text-anchor="middle">each column ${inWords((timeline[0]?.seconds ?? 1) * count)}</text>
<text x="${fixed(WIDTH)}" y="${end}" text-anchor="end">${clock(to ?? '')}</text>
<rect x="${fixed(LEFT)}" y="${fixed(height - 13)}" width="10" height="10" fill="${GREEN}"/><text x="${fixed(LEFT + 16)}" y="${fixed(height - 4)}">allowed, at most ${grouped(highest)}</text>
<rect x="${fixed(LEFT + 200)}" y="${fixed(height - 13)}" width="10" height="10" fill="${RED}"/><text x="${fixed(LEFT + 216)}" y="${fixed(height - 4)}">denied, at most ${grouped(lowest)}</text>
</svg>`
}

/** A coordinate as text, without digit groups. */
export function fixed(value: number): string {
  return String(Math.round(value * 100) / 100)
}

function largest(values: readonly number[]): number {
  return values.reduce((most, value) => Math.max(most, value), 0)
}
