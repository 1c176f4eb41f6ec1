import type { JSX } from 'preact'
import { exact, time } from './format.ts'

/** A moment: relative or of the day, and exact on hover. */
export function At({ at, text }: { at: number; text?: string }): JSX.Element {
  return (
    <time dateTime={new Date(at).toISOString()} title={exact(at)}>
      {text ?? time(at)}
    </time>
  )
}
