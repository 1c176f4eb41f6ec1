import type { JSX } from 'preact'

export function Bar({ share, tone = 'ink' }: { share: number; tone?: string }): JSX.Element {
  const width = Math.max(0, Math.min(1, share || 0)) * 100
  return (
    <svg class="bar" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
      <rect class="track" width="100" height="8" />
      <rect class={`fill-${tone}`} width={width > 0 ? Math.max(1, width) : 0} height="8" />
    </svg>
  )
}
