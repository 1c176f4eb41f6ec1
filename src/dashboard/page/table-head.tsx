import type { JSX } from 'preact'
import { w } from './words.ts'

/** The head of a table: of each column its name and its class. One that ends with a dot is only read out. */
export function Head({
  names,
}: {
  names: readonly (readonly [string, string?] | false)[]
}): JSX.Element {
  return (
    <thead>
      <tr>
        {names.map(
          (each) =>
            each && (
              <th key={each[0]} scope="col" class={each[1]}>
                {each[0].endsWith('.') ? (
                  <span class="hidden">{w(each[0].slice(0, -1))}</span>
                ) : (
                  w(each[0])
                )}
              </th>
            ),
        )}
      </tr>
    </thead>
  )
}
