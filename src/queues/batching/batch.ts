// biome-ignore-all lint/suspicious/noConfusingVoidType: a batch function that returns nothing returns void.
import { BatchResultError, describe, OptionRangeError } from '../../core/errors.ts'

/** What a batch function is told beside its items. */
export interface BatchContext {
  /** Aborts when nobody wants any item of the batch any more, or the batch runs too long. */
  readonly signal: AbortSignal
  /**
   * Fails one item; its place in the results is not looked at then.
   *
   * @throws OptionRangeError where there is no such item
   */
  fail(index: number, error: unknown): void
}

/** A result for each item, in order; or a Map from item to result; or nothing, where there are no results. */
export type BatchResults<T, R> = readonly R[] | ReadonlyMap<T, R> | undefined

/** Does the work of a whole batch; answers with one result for each item, in order or by item, or with nothing. */
export type BatchFunction<T, R> = (
  items: T[],
  context: BatchContext,
) => BatchResults<T, R> | void | PromiseLike<BatchResults<T, R> | void>

/** Told once for each item how it went. */
export type SettleItem = (index: number, well: boolean, value: unknown) => void

/**
 * Runs a batch and settles each item. A batch that throws fails as a whole, unless `bisect`: then its halves are tried,
 * one after the other, until the items that cannot be done stand alone.
 *
 * @param wanted false for an item that was called off, or timed out, while the batch ran: it is not tried again in a half
 */
export async function runBatch<T, R>(
  run: BatchFunction<T, R>,
  items: T[],
  signal: () => AbortSignal,
  bisect: boolean,
  settle: SettleItem,
  wanted: (index: number) => boolean = always,
): Promise<void> {
  const failed = new Map<number, unknown>()
  const context: BatchContext = {
    get signal() {
      return signal()
    },
    fail: (index, error) => {
      if (!(index in items)) {
        throw new OptionRangeError(
          'index',
          `index must be one of an item, from 0 to ${items.length - 1}, got ${describe(index)}`,
        )
      }
      failed.set(index, error)
    },
  }
  let results: BatchResults<T, R> | void
  try {
    // A copy: a function that empties its list as it works must not make anybody wait for ever.
    results = await run([...items], context)
    check(items, results)
  } catch (error) {
    if (!bisect || items.length === 1 || error instanceof BatchResultError) {
      for (let i = 0; i < items.length; i++) settle(i, false, failed.has(i) ? failed.get(i) : error)
      return
    }
    const indices = [...items.keys()]
    const middle = items.length >> 1
    for (const half of [indices.slice(0, middle), indices.slice(middle)]) {
      const left = half.filter(wanted)
      for (const index of half) if (!left.includes(index)) settle(index, false, error)
      if (left.length === 0) continue
      await runBatch(
        run,
        left.map((index) => items[index] as T),
        signal,
        bisect,
        (i, well, value) => settle(left[i] as number, well, value),
        (i) => wanted(left[i] as number),
      )
    }
    return
  }
  for (let i = 0; i < items.length; i++) {
    if (failed.size > 0 && failed.has(i)) settle(i, false, failed.get(i))
    else settle(i, true, resultOf(results, items, i))
  }
}

function check<T, R>(items: T[], results: BatchResults<T, R> | void): void {
  if (results === undefined) return
  if (Array.isArray(results)) {
    if (results.length === items.length) return
    throw new BatchResultError(items.length, `an array of ${results.length}`)
  }
  if (!(results instanceof Map)) throw new BatchResultError(items.length, describe(results))
  for (const item of items) {
    if (!results.has(item)) throw new BatchResultError(items.length, 'a Map without some of them')
  }
}

function resultOf<T, R>(results: BatchResults<T, R> | void, items: T[], i: number): R | undefined {
  if (results === undefined) return undefined
  return Array.isArray(results)
    ? (results[i] as R)
    : (results as ReadonlyMap<T, R>).get(items[i] as T)
}

function always(): true {
  return true
}
