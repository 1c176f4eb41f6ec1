import type { JSX } from 'preact'
import { frozen, Pill } from './held-order.tsx'
import { link } from './store.ts'
import { w } from './words.ts'

/** The list at the left of a view, worst first. */
export function Side({
  view,
  title,
  foot,
  items,
  name,
}: {
  view: string
  title: string
  foot: string
  items: readonly { name: string; level: JSX.Element; says: string; more: string; bad?: boolean }[]
  name: string | undefined
}): JSX.Element {
  const { list, moved, hold, release } = frozen(view, items, (item) => item.name)
  return (
    <nav class="panel side" aria-label={title} {...hold}>
      <h2>
        {title} <small>{w('worst first')}</small>
      </h2>
      <Pill moved={moved} release={release} />
      <ul>
        {list.slice(0, 300).map((item) => (
          <li key={item.name}>
            <a
              class="row"
              href={link(view, item.name)}
              aria-current={item.name === name ? 'page' : undefined}
            >
              {item.level}
              <b>{item.name}</b>
              <span class={item.bad ? 'bad' : ''}>{item.says}</span>
              <small>{item.more}</small>
            </a>
          </li>
        ))}
      </ul>
      <p class="foot">{foot}</p>
    </nav>
  )
}
