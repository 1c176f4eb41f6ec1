import { describe, expect, it } from 'vitest'
import { outcomeOf, readReason, reasonText } from '../../../src/redis/queues/envelope.ts'

describe('the reason of a cancel, as it is kept', () => {
  it('an error has a mark, and nothing else has', () => {
    const error = readReason(reasonText(new RangeError('too many')))
    expect(error).toBeInstanceOf(Error)
    expect(error).toMatchObject({ name: 'RangeError', message: 'too many' })
    const object = { name: 'RangeError', message: 'too many' }
    expect(readReason(reasonText(object))).toEqual(object)
    for (const other of [undefined, null, 'e{}', new Uint8Array([1, 2])]) {
      expect(readReason(reasonText(other))).toEqual(other)
    }
  })

  it('one that was kept without a mark can be read', () => {
    const reason = { name: 'RangeError', message: 'too many' }
    expect(outcomeOf(`xj${JSON.stringify(reason)}`)).toEqual({ state: 'cancelled', reason })
  })

  it.each(['', '7', 'null', '{}', '{"name":"E"}', '{"name":"E","message":7}'])(
    'a marked one that is no error is an outage: %s',
    (text) => {
      expect(() => readReason(`e${text}`)).toThrow(
        expect.objectContaining({ code: 'STORAGE_DOWN' }),
      )
    },
  )
})
