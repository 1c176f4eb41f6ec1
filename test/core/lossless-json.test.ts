import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { jsonCodec } from '../../src/queues/store/json-codec.ts'

/** What JSON says with another meaning, and without a word. */
const LOST: readonly unknown[] = [
  Number.NaN,
  Infinity,
  -Infinity,
  new Map([[1, 2]]),
  new Set([1]),
  /a/,
  new Error('x'),
  Promise.resolve(),
  new WeakMap(),
  new Uint16Array([1]),
  new Float64Array(0),
  new ArrayBuffer(1),
  new DataView(new ArrayBuffer(1)),
]

/** What JSON keeps, or changes as everybody knows. */
const KEPT: readonly unknown[] = [
  null,
  { a: null, b: {}, c: [] },
  { a: undefined },
  [undefined],
  '{}null{"0":',
  { 0: 1 },
  new Date(0),
  { at: new Date(Number.NaN), none: null },
  new (class Ping {})(),
  new URL('http://localhost'),
  Object(1),
  { on: Object(true), none: null },
  Object.create(null),
]

describe('JSON that loses nothing', () => {
  it('is refused for what it would lose, wherever that is', () => {
    for (const part of LOST) {
      for (const item of [part, [part], { part }, { deep: [{ part }] }]) {
        if (item === part && part instanceof Uint8Array) continue
        expect(() => jsonCodec.encode(item), String(part)).toThrow('item must be JSON in all its')
      }
    }
  })

  it('is what JSON.stringify gives otherwise', () => {
    for (const item of KEPT) expect(jsonCodec.encode(item)).toBe(JSON.stringify(item))
    fc.assert(
      fc.property(fc.jsonValue(), (item) => {
        expect(jsonCodec.encode(item)).toBe(JSON.stringify(item))
      }),
    )
  })
})
