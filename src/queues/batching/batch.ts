// biome-ignore-all lint/suspicious/noConfusingVoidType: a batch function that returns nothing returns void.
import { BatchResultError, describe, OptionRangeError } from '../../core/errors.ts'

/** What a batch function is told beside its items. */
export interface BatchContext {
  /** Aborts when all jobs of the batch are cancelled, or the batch runs too long. */
  readonly signal: AbortSignal
  /**
   * Fails one item; its place in the results is then ignored.
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

/** The items of a batch, for the code that made the batch; each is named by its index. */
export interface BatchItems {
  /** The signal of the function that holds items of the batch now. */
  signal(): AbortSignal
  /** Called once for each item, with its result or error. */
  settle(index: number, well: boolean, value: unknown): void
  /** Answers `false` for an item that was cancelled, or timed out, while the batch ran: no half tries it again. */
  wanted?(index: number): boolean
  /** The batch failed, and one half of it is tried now: the other items are with no function until their own turn. */
  halved?(half: readonly number[]): void
}

/** Some items of a batch to be tried together, and why the larger part that they were in failed. */
interface Part {
  readonly indices: readonly number[]
  readonly error: unknown
}

/**
 * Runs a batch and settles each item. A batch that throws fails as a whole, unless `bisect`: then its halves are tried,
 * one after the other, until the items that cannot be done stand alone.
 */
export async function runBatch<T, R>(
  run: BatchFunction<T, R>,
  items: readonly T[],
  bisect: boolean,
  outcome: BatchItems,
): Promise<void> {
  const failure = await runPart(run, items, undefined, bisect, outcome)
  if (failure === undefined) return
  const parts = halvesOf(
    items.map((_, index) => index),
    failure.error,
  )
  for (let part = parts.pop(); part !== undefined; part = parts.pop()) {
    const { error } = part
    const indices: number[] = []
    for (const index of part.indices) {
      if (outcome.wanted?.(index) ?? true) indices.push(index)
      else outcome.settle(index, false, error)
    }
    if (indices.length === 0) continue
    outcome.halved?.(indices)
    const failure = await runPart(run, items, indices, bisect, outcome)
    if (failure !== undefined) parts.push(...halvesOf(indices, failure.error))
  }
}

/** The second half first: the parts are taken from the end. */
function halvesOf(indices: readonly number[], error: unknown): Part[] {
  const middle = indices.length >> 1
  return [
    { indices: indices.slice(middle), error },
    { indices: indices.slice(0, middle), error },
  ]
}

/**
 * Tries some items together and settles them; or answers why they failed, where their halves are to be tried.
 *
 * @param indices the places of the items; all of them where it is not given
 */
async function runPart<T, R>(
  run: BatchFunction<T, R>,
  all: readonly T[],
  indices: readonly number[] | undefined,
  bisect: boolean,
  outcome: BatchItems,
): Promise<{ error: unknown } | undefined> {
  const items = indices === undefined ? all : indices.map((index) => all[index] as T)
  const failed = new Map<number, unknown>()
  let signal: AbortSignal | undefined
  const context: BatchContext = {
    get signal() {
      signal ??= outcome.signal()
      return signal
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
    // A copy: when a function empties its list as it works, no caller may wait for ever.
    results = await run([...items], context)
    check(items, results)
  } catch (error) {
    if (bisect && items.length > 1 && !(error instanceof BatchResultError)) return { error }
    for (let i = 0; i < items.length; i++) {
      outcome.settle(indices?.[i] ?? i, false, failed.has(i) ? failed.get(i) : error)
    }
    return undefined
  }
  for (let i = 0; i < items.length; i++) {
    const index = indices?.[i] ?? i
    if (failed.size > 0 && failed.has(i)) outcome.settle(index, false, failed.get(i))
    else outcome.settle(index, true, resultOf(results, items, i))
  }
  return undefined
}

function check<T, R>(items: readonly T[], results: BatchResults<T, R> | void): void {
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

function resultOf<T, R>(
  results: BatchResults<T, R> | void,
  items: readonly T[],
  i: number,
): R | undefined {
  if (results === undefined) return undefined
  return Array.isArray(results)
    ? (results[i] as R)
    : (results as ReadonlyMap<T, R>).get(items[i] as T)
}
