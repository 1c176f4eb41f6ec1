import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Entry, entriesIn } from '../../scripts/entries.ts'

/** Every way into the package installed in `consumer`. */
export function entriesOf(consumer: string): Entry[] {
  return entriesIn(homeOf(consumer))
}

/** Packages that some entries work with, where a user has them. */
export function peersOf(consumer: string): string[] {
  return Object.keys(manifestOf(consumer).peerDependencies ?? {})
}

interface Manifest {
  readonly bin: Record<string, string>
  readonly peerDependencies?: Record<string, string>
}

export function manifestOf(consumer: string): Manifest {
  return JSON.parse(readFileSync(join(homeOf(consumer), 'package.json'), 'utf8'))
}

/** Where the package lies. */
export function homeOf(consumer: string): string {
  return join(consumer, 'node_modules', 'aioflux')
}
