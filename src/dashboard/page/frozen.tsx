import type { JSX } from 'preact'
import { useRef } from 'preact/hooks'
import { store } from './store.ts'
import { w } from './words.ts'

interface Hold {
  onPointerEnter: () => void
  onPointerLeave: () => void
  onFocusCapture: () => void
  onBlurCapture: () => void
}

/** Keeps the order of a list while somebody is in it, and 5 s after. */
export function useFrozen<T>(
  items: readonly T[],
  idOf: (item: T) => string,
): {
  list: T[]
  moved: number
  hold: Hold
  release: () => void
} {
  const order = useRef<string[]>([])
  const until = useRef(0)
  const frozen = store.held || Date.now() < until.current
  const wanted = items.map(idOf)
  if (!frozen) order.current = wanted
  const known = new Map(items.map((item) => [idOf(item), item]))
  const kept = order.current.filter((id) => known.has(id))
  const fresh = wanted.filter((id) => !kept.includes(id))
  const ids = [...kept, ...fresh]
  const touch = () => {
    until.current = Infinity
  }
  const leave = () => {
    until.current = Date.now() + 5000
  }
  return {
    list: ids.map((id) => known.get(id) as T),
    moved: ids.filter((id, i) => id !== wanted[i]).length,
    hold: {
      onPointerEnter: touch,
      onPointerLeave: leave,
      onFocusCapture: touch,
      onBlurCapture: leave,
    },
    release: () => {
      until.current = 0
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
