import type { JSX } from 'preact'
import { act } from './server.ts'
import { store } from './store.ts'
import { w } from './words.ts'

let notice: { text: string; undo?: () => void; bad?: boolean } | undefined

let noticeTimer: ReturnType<typeof setTimeout> | undefined

export function tell(text: string, undo?: () => void, bad = false): void {
  notice = { text, bad, ...(undo && { undo }) }
  clearTimeout(noticeTimer)
  noticeTimer = setTimeout(() => {
    notice = undefined
    store.changed()
  }, 10_000)
  store.changed()
}

/** Does something narrow at once, and lets it be undone. */
export async function doNow(
  text: string,
  path: string,
  body: object,
  undo?: { path: string; body: object },
): Promise<void> {
  try {
    await act(path, body)
    tell(text, undo && (() => void doNow(w('Undo'), undo.path, undo.body)))
  } catch (error) {
    tell((error as Error).message, undefined, true)
  }
}

export function Notice(): JSX.Element {
  return (
    <div class={`notice ${notice ? 'shown' : ''} ${notice?.bad ? 'bad' : ''}`} role="status">
      {notice?.text}
      {notice?.undo && (
        <button
          type="button"
          onClick={() => {
            const undo = notice?.undo
            notice = undefined
            undo?.()
          }}
        >
          {w('Undo')}
        </button>
      )}
    </div>
  )
}
