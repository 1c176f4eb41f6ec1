const UP = ' ▁▂▃▄▅▆▇█'
// Unicode has no eighths that hang from above, only these.
const DOWN = ' ▔▀█'

/** Bars that stand on an axis: `height` lines from the top down, where `unit` fills one line of a bar. */
export function barsUp(values: readonly number[], unit: number, height: number): string[] {
  const eighths = values.map((value) =>
    value > 0 ? Math.max(1, Math.round((value / unit) * 8)) : 0,
  )
  return Array.from({ length: height }, (_, line) => {
    const below = (height - 1 - line) * 8
    return eighths.map((full) => UP[clamp(full - below, 8)]).join('')
  })
}

/** Bars that hang from an axis: `height` lines from the top down, where `unit` fills one line of a bar. */
export function barsDown(values: readonly number[], unit: number, height: number): string[] {
  return Array.from({ length: height }, (_, line) =>
    values
      .map((value) => {
        const left = value / unit - line
        if (left <= 0) return DOWN[0]
        if (left >= 0.75) return DOWN[3]
        // However little it is, it shows; but not below a bar that is full to the line.
        return left >= 0.25 ? DOWN[2] : line === 0 ? DOWN[1] : DOWN[0]
      })
      .join(''),
  )
}

function clamp(value: number, most: number): number {
  return Math.max(0, Math.min(value, most))
}
