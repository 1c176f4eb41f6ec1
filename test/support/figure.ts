import { expect } from 'vitest'

/** AIOFLUX_SHORT=1 runs every fault for about a second, to see that it still works. */
export const short: boolean = process.env['AIOFLUX_SHORT'] === '1'

/** Prints what was measured beside what it must not pass, and fails when it does. */
export function figure(name: string, value: string | number, bound: string, pass: boolean): void {
  const shown = typeof value === 'number' ? String(Math.round(value * 1000) / 1000) : value
  console.log(
    `${name.padEnd(44)}  ${shown.padEnd(26)}  ${bound.padEnd(34)}  ${pass ? 'PASS' : 'FAIL'}`,
  )
  expect(pass, `${name}: ${shown}, bound ${bound}`).toBe(true)
}

/** Numbers from 0 to 1 that AIOFLUX_SEED brings back; the seed is printed. */
export function seeded(name: string): () => number {
  const seed = Number(process.env['AIOFLUX_SEED'] ?? Date.now() % 1_000_000)
  console.log(`${name}: AIOFLUX_SEED=${seed}`)
  let state = seed | 0
  return () => {
    // mulberry32
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
