import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

interface Bun {
  gc(force: boolean): void
}

/** Runs the collector of the engine: that of V8, or that of Bun. */
export function collector(): () => void {
  const { Bun: bun } = globalThis as { Bun?: Bun }
  if (bun !== undefined) return () => bun.gc(true)
  setFlagsFromString('--expose_gc')
  return runInNewContext('gc') as () => void
}
