import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** One way into the package. */
export interface Entry {
  /** What a user imports: `aioflux/redis`. */
  readonly name: string
  /** Its code and its types. */
  readonly js: string
  readonly types: string
}

/** Every way into the package in `home`, as its own manifest says. */
export function entriesIn(home: string): Entry[] {
  const { exports } = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8')) as {
    exports: Record<string, string | { types: string; default: string }>
  }
  return Object.entries(exports).flatMap(([path, target]) =>
    typeof target === 'string'
      ? []
      : [
          {
            name: `aioflux${path.slice(1)}`,
            js: join(home, target.default),
            types: join(home, target.types),
          },
        ],
  )
}
