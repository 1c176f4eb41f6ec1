import { grouped } from '../../../terminal/terminal.ts'
import type { Advice, CurvePoint } from '../../advise/advice-report.ts'
import { share } from '../words.ts'
import { html, Markup } from './page.ts'
import { BLUE, fixed, GREEN, RED } from './timeline-chart.ts'

const WIDTH = 960
const HEIGHT = 300
const LEFT = 70
const TOP = 12
const BOTTOM = HEIGHT - 58

const COLOURS = [BLUE, RED, GREEN, '#a06cd5']

/** The share that is denied, by the limit on a logarithmic scale; one line for each algorithm. */
export function adviceChart({ curve, limits, requests }: Advice): Markup {
  const highest = curve.reduce((most, { rate }) => Math.max(most, rate), 2)
  const most = curve.reduce((most, { denied }) => Math.max(most, denied / requests), 0) || 1
  const x = (rate: number) => LEFT + ((WIDTH - LEFT - 20) * Math.log(rate)) / Math.log(highest)
  const y = (denied: number) => BOTTOM - ((BOTTOM - TOP) * denied) / requests / most
  const lines = limits.map(({ algorithm, rate, denied, knee }, i) => {
    const colour = COLOURS[i % COLOURS.length] as string
    const points = curve.filter((point) => point.algorithm === algorithm)
    // Numbers only, and longer than a text from a log may be.
    const path = new Markup(points.map((point, n) => `${n === 0 ? 'M' : 'L'}${at(point)}`).join(''))
    return html`<path d="${path}" fill="none" stroke="${colour}" stroke-width="2"/>
<circle cx="${fixed(x(rate))}" cy="${fixed(y(denied))}" r="5" fill="${colour}"/>
${knee === null ? html`` : html`<circle cx="${fixed(x(knee.rate))}" cy="${fixed(y(knee.denied))}" r="5" fill="none" stroke="${colour}" stroke-width="2"/>`}
<rect x="${fixed(LEFT + i * 220)}" y="${fixed(HEIGHT - 14)}" width="10" height="10" fill="${colour}"/><text x="${fixed(LEFT + i * 220 + 16)}" y="${fixed(HEIGHT - 5)}">${algorithm}</text>`
  })
  function at(point: CurvePoint): string {
    return `${fixed(x(point.rate))} ${fixed(y(point.denied))}`
  }
  const ticks = ticksUpTo(highest).map(
    (rate) =>
      html`<path d="M${fixed(x(rate))} ${fixed(TOP)}V${fixed(BOTTOM)}" stroke="currentColor" stroke-opacity=".15"/><text x="${fixed(x(rate))}" y="${fixed(BOTTOM + 18)}" text-anchor="middle">${grouped(rate)}</text>`,
  )
  return html`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${fixed(WIDTH)} ${fixed(HEIGHT)}" role="img" aria-label="The share of requests that is denied, by the limit" font-family="system-ui, sans-serif" font-size="13" fill="currentColor">
${ticks}
<path d="M${fixed(LEFT)} ${fixed(BOTTOM)}H${fixed(WIDTH - 20)}" stroke="currentColor" stroke-opacity=".5"/>
<text x="${fixed(LEFT - 8)}" y="${fixed(TOP + 5)}" text-anchor="end">${share(most)}</text>
<text x="${fixed(LEFT - 8)}" y="${fixed(BOTTOM + 4)}" text-anchor="end">0 %</text>
${lines}
<text x="${fixed(WIDTH - 20)}" y="${fixed(HEIGHT - 5)}" text-anchor="end">full dot: advised; ring: knee</text>
</svg>`
}

/** 1, 10, 100, ...; with 2 and 5 between where there is room. */
function ticksUpTo(highest: number): number[] {
  const ticks: number[] = []
  const steps = highest > 5000 ? [1] : [1, 2, 5]
  for (let power = 1; power <= highest; power *= 10) {
    for (const step of steps) if (power * step <= highest) ticks.push(power * step)
  }
  return ticks
}
