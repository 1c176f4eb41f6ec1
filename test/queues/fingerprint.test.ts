import { QueueFactory } from 'aioflux'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fingerprint } from '../../src/queues/dedupe/fingerprint.ts'

class Cat {
  name = 'a'
}
class Dog {
  name = 'a'
}

/** Items of which no two are the same. */
const DIFFERENT: readonly unknown[] = [
  '{"a":1}',
  'object:{"a":1}',
  'string:object:{"a":1}',
  { a: 1 },
  { a: '1' },
  { a: 1n },
  { a: null },
  { a: 'null' },
  { a: Number.NaN },
  { a: 'NaN' },
  { a: Infinity },
  { a: -Infinity },
  { a: true },
  { a: 'true' },
  { a: [] },
  { a: {} },
  { a: [1] },
  { a: { 0: 1 } },
  { a: new Uint8Array([1]) },
  { a: new Uint16Array([1]) },
  { a: new Uint8Array([1]).buffer },
  { a: new Map([[1, 2]]) },
  { a: new Map([['1', 2]]) },
  { a: [[1, 2]] },
  { a: { 1: 2 } },
  { a: new Set([1, 2]) },
  { a: [1, 2] },
  { a: new Set([[1, 2]]) },
  { a: new Date(1000) },
  { a: new Date(1000).toISOString() },
  { a: 1000 },
  { a: new Date(Number.NaN) },
  { a: new URL('http://h/') },
  { a: 'http://h/' },
  { a: [undefined] },
  { a: [null] },
  new Cat(),
  new Dog(),
  { name: 'a' },
  {},
  [],
  '[]',
  '{}',
  null,
  'null',
  Number.NaN,
  'NaN',
  undefined,
  'undefined',
  0,
  '0',
  0n,
  false,
  new Map(),
  new Set(),
]

describe('the fingerprint of an item', () => {
  it('is another for each of these', () => {
    const seen = new Map<unknown, unknown>()
    for (const item of DIFFERENT) {
      const print = fingerprint(item)
      expect(seen.has(print), `${String(print)} is that of another`).toBe(false)
      seen.set(print, item)
    }
  })

  it('so a queue takes each of them, and none a second time', async () => {
    const queue = QueueFactory.dedupe<unknown>()
    for (const item of DIFFERENT) expect(queue.offer(item)).toBe(true)
    expect(queue.size()).toBe(DIFFERENT.length)
    for (const item of DIFFERENT) expect(queue.offer(item)).toBe(false)
    await queue.stop({ mode: 'drop' })
  })

  const mark = Symbol('mark')
  class Marked {
    a = 1;
    [mark] = 2
  }
  class Shown {
    a = 1
    readonly #hidden: number
    constructor(hidden: number, a = 1) {
      this.#hidden = hidden
      this.a = a
    }
    toJSON() {
      return { hidden: this.#hidden }
    }
  }
  const withOwn = <T extends object>(value: T) => Object.assign(value, { x: 1 })
  const holes = () => {
    const list = [1, 2, 3]
    delete list[1]
    return list
  }
  class Secret {
    readonly #key: number
    readonly label = 'x'
    constructor(key: number) {
      this.#key = key
    }
    get key() {
      return this.#key
    }
  }
  class Heir extends Secret {}
  const nested = (levels: number) => {
    let item: object = {}
    for (let i = 0; i < levels; i++) item = { item }
    return item
  }
  const unnamed = (() =>
    class {
      a = 1
    })()
  it.each<[string, unknown]>([
    ['an instance with a private field', new Secret(1)],
    ['an instance that inherits one', new Heir(1)],
    ['an instance of a class without a name', new unnamed()],
    ['a boxed number with a property', withOwn(Object(1))],
    ['a promise with a property', withOwn(Promise.resolve())],
    ['more levels than a call stack has', nested(100_000)],
    ['a symbol', { [mark]: 1 }],
    ['a symbol in an instance', new Marked()],
    ['a symbol that is not enumerable', Object.defineProperty({}, mark, { value: 1 })],
    ['what is not enumerable', Object.defineProperty({ a: 1 }, 'x', { value: 1 })],
    ['what is not enumerable, in a list', Object.defineProperty([1], 'x', { value: 1 })],
    ['a list with a property', withOwn([1])],
    ['a list with holes and a property', withOwn(holes())],
    ['a Map with a property', withOwn(new Map())],
    ['a Set with a property', withOwn(new Set())],
    ['a Date with a property', withOwn(new Date(0))],
    ['a buffer with a property', withOwn(new ArrayBuffer(1))],
    ['bytes with a property', withOwn(new Uint8Array(1))],
    ['a view with a property', withOwn(new DataView(new ArrayBuffer(1)))],
    ['what is inherited', Object.create({ x: 1 })],
    ['what is inherited beside its own', Object.assign(Object.create({ x: 1 }), { a: 1 })],
    ['a toJSON of its own', { toJSON: () => 1, a: 1 }],
    ['an error', new Error('x')],
  ])('is refused for %s, wherever it is', (_, item) => {
    for (const around of [item, [item], { item }, new Map([[1, item]]), new Map([[item, 1]])]) {
      expect(() => fingerprint(around)).toThrow(/^keyFn is needed/)
    }
  })

  it('says nothing of the mark that Deno puts on objects of the web platform', () => {
    const branded = (href: string) =>
      Object.assign(new URL(href), { [Symbol('[[webidl.brand]]')]: 1 })
    expect(fingerprint(branded('http://a/'))).toBe(fingerprint(branded('http://a/')))
    expect(fingerprint(branded('http://a/'))).not.toBe(fingerprint(branded('http://b/')))
    const named = Object.assign(new URL('http://a/'), { [Symbol('mine')]: 1 })
    expect(() => fingerprint(named)).toThrow(/symbols/)
  })

  // Ten million bytes took six seconds once: then this test ends by its timeout.
  it('takes many levels, and many bytes', () => {
    expect(fingerprint(nested(400))).not.toBe(fingerprint(nested(399)))
    const [many, others] = [new Uint8Array(10_000_000), new Uint8Array(10_000_000)]
    others[9_999_999] = 1
    expect(fingerprint(many) === fingerprint(others)).toBe(false)
    expect(fingerprint(many) === fingerprint(many.slice())).toBe(true)
  })

  it('tells apart what a toJSON shows, and what it hides', () => {
    expect(fingerprint(new Shown(1))).toBe(fingerprint(new Shown(1)))
    expect(fingerprint(new Shown(1))).not.toBe(fingerprint(new Shown(2)))
    expect(fingerprint(new Shown(1))).not.toBe(fingerprint(new Shown(1, 2)))
    expect(fingerprint(holes())).toBe(fingerprint([1, undefined, 3]))
  })

  it('is the same exactly where JSON values are', () => {
    const json = fc.jsonValue({ maxDepth: 3 }).map((value) => JSON.parse(JSON.stringify(value)))
    const sorted = (value: unknown): unknown =>
      Array.isArray(value)
        ? value.map(sorted)
        : typeof value === 'object' && value !== null
          ? Object.entries(value)
              .sort(([a], [b]) => (a < b ? -1 : 1))
              .map(([key, part]) => ({ key, part: sorted(part) }))
              .concat({ key: 'an object', part: Object.keys(value).length })
          : value
    const canonical = (value: unknown) => JSON.stringify({ it: sorted(value) })
    fc.assert(
      fc.property(json, json, (a, b) => {
        expect(fingerprint(a) === fingerprint(b)).toBe(canonical(a) === canonical(b))
        expect(fingerprint(structuredClone(a))).toBe(fingerprint(a))
      }),
      { numRuns: 500 },
    )
  })

  it('does not go by order where there is none, nor by what is undefined', () => {
    expect(fingerprint({ a: 1, b: { c: 2, d: 3 } })).toBe(fingerprint({ b: { d: 3, c: 2 }, a: 1 }))
    expect(
      fingerprint(
        new Map([
          [1, 2],
          [3, 4],
        ]),
      ),
    ).toBe(
      fingerprint(
        new Map([
          [3, 4],
          [1, 2],
        ]),
      ),
    )
    expect(fingerprint(new Set([1, 2]))).toBe(fingerprint(new Set([2, 1])))
    expect(fingerprint({ a: undefined, b: 1 })).toBe(fingerprint({ b: 1 }))
    expect(fingerprint([1, 2])).not.toBe(fingerprint([2, 1]))
  })

  it('cannot be told of what a text says nothing of', () => {
    const circle: { self?: unknown } = {}
    circle.self = circle
    for (const item of [
      { a: () => 1 },
      { a: Symbol('a') },
      circle,
      { a: new WeakMap() },
      /a/,
      Promise.resolve(),
    ]) {
      expect(() => fingerprint(item)).toThrow(expect.objectContaining({ option: 'keyFn' }))
    }
    const twice = { a: 1 }
    expect(() => fingerprint([twice, twice])).not.toThrow()
  })
})
