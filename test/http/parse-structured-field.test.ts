import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type BareItem,
  type Member,
  parseDictionary,
  parseItem,
  parseList,
} from '../../src/http/parse-structured-field.ts'
import { parseSfList } from './structured-fields.ts'

const bare = (member: Member | undefined) => member?.value as BareItem | undefined

describe('a bare item of RFC 9651', () => {
  it.each<[string, BareItem['type'], BareItem['value']]>([
    ['0', 'integer', 0],
    ['-0', 'integer', -0],
    ['42', 'integer', 42],
    ['-42', 'integer', -42],
    ['007', 'integer', 7],
    ['999999999999999', 'integer', 999_999_999_999_999],
    ['-999999999999999', 'integer', -999_999_999_999_999],
    ['1.5', 'decimal', 1.5],
    ['-0.001', 'decimal', -0.001],
    ['123456789012.123', 'decimal', 123_456_789_012.123],
    ['"a b"', 'string', 'a b'],
    ['""', 'string', ''],
    ['"a\\"b\\\\c"', 'string', 'a"b\\c'],
    ['a', 'token', 'a'],
    ["*a/b:c!#$%&'*+-.^_`|~9", 'token', "*a/b:c!#$%&'*+-.^_`|~9"],
    ['::', 'bytes', ''],
    [':aGVsbG8=:', 'bytes', 'aGVsbG8='],
    [':aGVsbG8:', 'bytes', 'aGVsbG8'],
    ['?1', 'boolean', true],
    ['?0', 'boolean', false],
    ['@1659578233', 'date', 1_659_578_233],
    ['@-1', 'date', -1],
    ['%"plain"', 'display-string', 'plain'],
    ['%"f%c3%bcr dich"', 'display-string', 'für dich'],
    ['%"%25 %22"', 'display-string', '% "'],
    ['  a  ', 'token', 'a'],
  ])('%s', (text, type, value) => {
    expect(bare(parseItem(text))).toEqual({ type, value })
  })

  it.each([
    ...[
      '',
      ' ',
      '\t1',
      '1\t',
      '-',
      '--1',
      '+1',
      '.5',
      '1.',
      '1.1234',
      '1234567890123.1',
      '1e3',
      '1 2',
    ],
    ...[
      '1000000000000000',
      '1234567890123456',
      '"',
      '"a',
      '"a\\"',
      '"\\a"',
      '"é"',
      '"\n"',
      "'a'",
      '"a"b',
    ],
    ...[':', ':a', ':a b:', ':a-b_:', ':a:', ':=a:', '?', '?2', '?true', '?10', '@', '@1.5', '@a'],
    ...[
      '%',
      '%a',
      '%"',
      '%"a',
      '%"%C3%BC"',
      '%"%c3"',
      '%"%c"',
      '%"%zz"',
      '%"ü"',
      '%"\t"',
      '%"%"',
      '[a]',
    ],
    ...[
      'a;',
      'a;A=1',
      'a;=1',
      'a;b=',
      'a;b =1',
      'a ;b',
      'a;\tb',
      '(a)',
      'a,b',
      '=1',
      'é',
      '_a',
      'a\u0000',
    ],
  ])('not %j', (text) => {
    expect(parseItem(text)).toBeUndefined()
  })

  it('has parameters, the last of a name counting', () => {
    const { parameters } = parseItem('a;b; c=2;*d="x";b=?0;e=@1') as Member
    const plain = Object.fromEntries([...parameters].map(([key, { value }]) => [key, value]))
    expect(plain).toEqual({ b: false, c: 2, '*d': 'x', e: 1 })
    expect([...parameters.keys()]).toEqual(['b', 'c', '*d', 'e'])
  })
})

describe('a list', () => {
  const shape = ({ value, parameters }: Member): unknown => [
    'type' in value ? value.value : value.map(shape),
    Object.fromEntries([...parameters].map(([key, one]) => [key, one.value])),
  ]
  it.each<[string, unknown]>([
    ['', []],
    ['  ', []],
    ['a', [['a', {}]]],
    [
      '1;a , \t"b";c=?0',
      [
        [1, { a: true }],
        ['b', { c: false }],
      ],
    ],
    [
      '(a 1;x "b");y',
      [
        [
          [
            ['a', {}],
            [1, { x: true }],
            ['b', {}],
          ],
          { y: true },
        ],
      ],
    ],
    [
      '(), (  a   b  )',
      [
        [[], {}],
        [
          [
            ['a', {}],
            ['b', {}],
          ],
          {},
        ],
      ],
    ],
  ])('%j', (text, members) => {
    expect(parseList(text)?.map(shape)).toEqual(members)
  })

  it.each([
    'a,',
    ',a',
    'a,,b',
    'a b',
    'a;b c',
    '(a',
    '(a b',
    '(a,b)',
    '(a"b")',
    '(a(b))',
    'a)',
    'a=1',
    '(a)b',
  ])('not %j', (text) => {
    expect(parseList(text)).toBeUndefined()
  })

  it('is what the independent parser reads, and nothing else', () => {
    const part = fc.constantFrom(
      ...[
        '1',
        '-2',
        '1.5',
        '1.',
        '?1',
        '?0',
        'tok',
        '*a/b:c',
        ':YWI=:',
        ':Y:',
        '"a\\"b"',
        '"a\\b"',
        '"',
      ],
      ...[
        ';r',
        ';r=',
        ';A=1',
        ';*=2',
        ';t="x"',
        ', ',
        ',',
        ' ,\t',
        ' ',
        '=',
        '1234567890123456',
        ';',
      ],
    )
    const read = (text: string) => {
      try {
        return parseSfList(text)
      } catch {
        return undefined
      }
    }
    const plain = (value: unknown): unknown =>
      typeof value === 'object' && value !== null ? Object.values(value)[0] : value
    fc.assert(
      fc.property(fc.array(part, { maxLength: 7 }), (parts) => {
        const text = parts.join('')
        // It does not check what stands between the colons.
        if (text.includes(':Y:')) return
        const theirs = read(text)?.map(({ value, params }) => [
          plain(value),
          Object.fromEntries(Object.entries(params).map(([key, one]) => [key, plain(one)])),
        ])
        expect(parseList(text)?.map(shape)).toEqual(theirs)
      }),
      { numRuns: 5000 },
    )
  })
})

describe('a dictionary', () => {
  it('has members in any order, with or without values, the last of a name counting', () => {
    const members = parseDictionary('limit=100, *x;y=1,remaining=0 ,\tin=(1 2);z, limit=5')
    expect([...(members ?? [])].map(([key, one]) => [key, bare(one)?.value])).toEqual([
      ['limit', 5],
      ['*x', true],
      ['remaining', 0],
      ['in', undefined],
    ])
    expect(members?.get('*x')?.parameters.get('y')?.value).toBe(1)
    expect(members?.get('in')?.parameters.get('z')?.value).toBe(true)
    expect(parseDictionary('')?.size).toBe(0)
  })

  it.each(['A=1', '=1', 'a=', 'a=1,', 'a=1 b=2', 'a =1', '"a"=1', '1', 'a=1;', 'a,,b', 'a= 1'])(
    'not %j',
    (text) => {
      expect(parseDictionary(text)).toBeUndefined()
    },
  )
})

it('whatever comes is read to its end, in time that grows with its length', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      for (const parse of [parseList, parseDictionary, parseItem]) parse(text)
    }),
  )
  const parts = [
    'a',
    '1',
    '"',
    '"\\',
    ';',
    ';a',
    ';a=',
    ',',
    'a,',
    '(',
    ')',
    '()',
    ' ',
    ':',
    '?1,',
    '%"',
    '@1,',
    'remaining=1',
  ]
  for (const part of parts) {
    for (const text of [
      part.repeat(100_000),
      `"${part.repeat(100_000)}`,
      `a;b=${part.repeat(100_000)}`,
    ]) {
      for (const parse of [parseList, parseDictionary, parseItem]) parse(text)
    }
  }
})
