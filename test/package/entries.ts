import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** One way into the package: what a user imports, and where its code and types are. */
export interface Entry {
  /** `aioflux/redis` */
  readonly name: string
  readonly js: string
  readonly types: string
}

/** Every way into the package installed in `consumer`, as its own manifest says. */
export function entriesOf(consumer: string): Entry[] {
  const home = join(consumer, 'node_modules', 'aioflux')
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
