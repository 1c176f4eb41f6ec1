import type { JSX } from 'preact'

export function Figure({
  value,
  unit,
  label,
  level,
}: {
  value: string
  unit?: string
  label: string
  level?: string | undefined
}): JSX.Element {
  return (
    <div class="figure">
      <b class={level}>{value}</b>
      {unit && <small class={level}>{unit}</small>}
      <span>{label}</span>
    </div>
  )
}
