import { finite } from '../core/check.ts'

/** One law: `run` throws when it does not hold. */
export interface Law {
  readonly name: string
  run(): void | Promise<void>
}

/** Throws unless `holds`. */
export function ensure(holds: boolean, otherwise: string): asserts holds {
  if (!holds) throw new Error(otherwise)
}

/** Throws unless both are the same number, string or boolean. */
export function ensureSame(actual: unknown, expected: unknown, what: string): void {
  ensure(
    Object.is(actual, expected),
    `${what}: expected ${String(expected)}, got ${String(actual)}`,
  )
}

/** Numbers from 0 up to 1, the same for the same seed (mulberry32, Tommy Ettinger). */
export function seeded(seed: number): () => number {
  let state = finite('seed', seed)
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let bits = Math.imul(state ^ (state >>> 15), 1 | state)
    bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits
    return ((bits ^ (bits >>> 14)) >>> 0) / 4294967296
  }
}
