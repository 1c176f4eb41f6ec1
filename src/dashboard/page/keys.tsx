import type { JSX } from 'preact'
import { store } from './store.ts'
import { VIEWS } from './views.ts'
import { either, w } from './words.ts'

let off = false
let help = false
let afterG = 0

/** What a key does that is pressed outside of a field. */
export function onKey(event: KeyboardEvent): void {
  const target = event.target as HTMLElement
  const types = /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName)
  if (event.key === 'Escape' && types) return target.blur()
  if (
    event.metaKey ||
    event.ctrlKey ||
    event.altKey ||
    types ||
    document.querySelector('dialog[open]')
  )
    return
  if (event.key === '?') {
    help = !help
    return store.changed()
  }
  if (off) return
  if (!/^([a-z/]|Escape)$/.test(event.key)) return
  if (Date.now() - afterG < 1500) {
    afterG = 0
    const view = VIEWS.find(([, , key]) => key === event.key)
    if (view) location.hash = `#/${view[0]}`
    return
  }
  const step = /[jk]/.test(event.key) && document.querySelector<HTMLElement>(`.step.${event.key}`)
  if (step) return step.click()
  const rows = [...document.querySelectorAll<HTMLElement>('a.row, .troubles .what a')]
  const at = rows.indexOf(document.activeElement as HTMLElement)
  switch (event.key) {
    case '/':
      event.preventDefault()
      return document.getElementById('filter')?.focus()
    case 'g':
      afterG = Date.now()
      return
    case 'h':
      store.held = !store.held
      return store.changed()
    case 'j':
      return rows[Math.min(rows.length - 1, at + 1)]?.focus()
    case 'k':
      return rows[Math.max(0, at - 1)]?.focus()
    case 'Escape': {
      const parts = location.hash.split('?')[0]?.split('/') ?? []
      if (parts.length > 2) location.hash = parts.slice(0, parts.length > 4 ? 3 : 2).join('/')
    }
  }
}

/** Lists the keys, once `?` is pressed. */
export function Keys(): JSX.Element | null {
  if (!help) return null
  return (
    <div class="help panel" role="note">
      <b>{w('Keys')}</b> <kbd>/</kbd> {w('Filter or go to')} · <kbd>g</kbd> +{' '}
      {VIEWS.map(([, name, key]) => (
        <span key={key}>
          <kbd>{key}</kbd> {w(name)}{' '}
        </span>
      ))}{' '}
      · <kbd>j</kbd> <kbd>k</kbd> {either('rows, jobs', 'строки, задачи')} · <kbd>Enter</kbd>{' '}
      {either('open', 'открыть')} · <kbd>Esc</kbd> {either('back', 'назад')} · <kbd>h</kbd>{' '}
      {either('hold', 'замереть')} · <kbd>?</kbd>{' '}
      <button
        type="button"
        onClick={() => {
          off = !off
          store.changed()
        }}
      >
        {w(off ? 'all keys on' : 'all keys off')}
      </button>
    </div>
  )
}
