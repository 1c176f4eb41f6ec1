import type { JSX } from 'preact'
import { w } from './words.ts'

export function Head({ names }: { names: readonly (readonly [string, string?])[] }): JSX.Element {
  return (
    <thead>
      <tr>
        {names.map(([name, kind], i) => (
          <th key={`${name}${i}`} scope="col" class={kind}>
            {name ? w(name) : <span class="hidden">·</span>}
          </th>
        ))}
      </tr>
    </thead>
  )
}
