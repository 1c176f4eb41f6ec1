import type { JSX } from 'preact'

export type Level = 'bad' | 'warn' | 'fine' | 'paused' | 'silent' | 'shadow'

/** The sign of a level: never colour alone. */
export function Mark({ level }: { level: Level }): JSX.Element {
  const shapes: Record<Level, JSX.Element> = {
    bad: <path d="M8 1.5 14.5 8 8 14.5 1.5 8Z" />,
    warn: <path d="M8 2.2 14.5 13.5H1.5Z" />,
    fine: <circle cx="8" cy="8" r="2.4" />,
    paused: <path d="M4 3h3v10H4zM9 3h3v10H9z" />,
    silent: <circle cx="8" cy="8" r="5.4" class="hollow" />,
    shadow: <path d="M8 2 14 8 8 14 2 8Z" class="hollow" />,
  }
  return (
    <svg class={`mark ${level}`} viewBox="0 0 16 16" aria-hidden="true">
      {shapes[level]}
    </svg>
  )
}
