import { Readable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { TooLargeError } from '../../src/dashboard/serve/answer.ts'
import { askedOf } from '../../src/dashboard/serve/node.ts'
import { askedOfWeb } from '../../src/dashboard/serve/web.ts'

const MOST = 100

const readers = {
  node: (text: string) => {
    const chunks = text.match(/.{1,7}/gsu) ?? []
    const request = Object.assign(Readable.from(chunks.map((chunk) => Buffer.from(chunk))), {
      method: 'POST',
      url: '/',
      headers: {},
    })
    return askedOf(request as never, '', '').body(MOST)
  },
  web: (text: string) =>
    askedOfWeb(
      new Request('http://here/', { method: 'POST', body: text }),
      '',
      new URLSearchParams(),
    ).body(MOST),
}

describe.each(Object.entries(readers))('the body of a request: %s', (_, read) => {
  it('is read as text, whatever its chunks are', async () => {
    const text = 'ключ 🔑 '.repeat(5)
    expect(await read(text)).toBe(text)
    expect(await read('')).toBe('')
  })

  it('is not kept where it is too large', async () => {
    expect(await read('x'.repeat(MOST))).toHaveLength(MOST)
    await expect(read('x'.repeat(MOST + 1))).rejects.toThrow(TooLargeError)
  })
})
