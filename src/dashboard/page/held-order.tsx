import type { JSX } from 'preact'
import { store } from './store.ts'
import { w } from './words.ts'

interface Hold {
  onPointerEnter: () => void
  onPointerLeave: () => void
  onFocusCapture: () => void
  onBlurCapture: () => void
}

/** The order that each list has kept, and until when. */
const lists = new Map<string, { order: string[]; until: number }>()

/**
 * Keeps the order of a list while the pointer or the focus is in it, and 5 s after.
 *
 * @param id tells the lists of the page apart
 */
export function frozen<T>(
  id: string,
  items: readonly T[],
  idOf: (item: T) => string,
): {
  list: T[]
  moved: number
  hold: Hold
  release: () => void
} {
  const known = lists.get(id) ?? { order: [], until: 0 }
  lists.set(id, known)
  const wanted = items.map(idOf)
  if (!store.held && Date.now() >= known.until) known.order = wanted
  const byId = new Map(items.map((item) => [idOf(item), item]))
  const kept = known.order.filter((each) => byId.has(each))
  const fresh = wanted.filter((each) => !kept.includes(each))
  const ids = [...kept, ...fresh]
  const touch = () => {
    known.until = Infinity
  }
  const leave = () => {
    known.until = Date.now() + 5000
  }
  return {
    list: ids.map((each) => byId.get(each) as T),
    moved: ids.filter((each, i) => each !== wanted[i]).length,
    hold: {
      onPointerEnter: touch,
      onPointerLeave: leave,
      onFocusCapture: touch,
      onBlurCapture: leave,
    },
    release: () => {
      known.until = 0
      store.changed()
    },
  }
}

export function Pill({
  moved,
  release,
}: {
  moved: number
  release: () => void
}): JSX.Element | null {
  if (moved === 0) return null
  return (
    <button type="button" class="pill" onClick={release}>
      {moved} {w('changed places')}
    </button>
  )
}
