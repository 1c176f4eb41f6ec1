import * as check from '../core/check.ts'
import { describe, OptionTypeError } from '../core/errors.ts'
import { onAbort } from '../core/on-abort.ts'

/** Options of {@link WorkerPool}.map. */
export interface MapOptions {
  /** True for results in the order of the items, false for results as they come. @default true */
  ordered?: boolean
  /** Ends the map, and cancels the running calls. */
  signal?: AbortSignal
}

export const MAP_OPTIONS: check.OptionTable<MapOptions> = { ordered: true, signal: true }

/** Works on `width` items at the same time, and yields their results. */
export async function* mapOver<T, R>(
  items: Iterable<T> | AsyncIterable<T>,
  submit: (item: T, signal: AbortSignal) => Promise<R>,
  width: number,
  options: MapOptions,
): AsyncIterableIterator<R> {
  check.known('pool.map', options, MAP_OPTIONS)
  const { ordered = true, signal } = options
  check.flag('ordered', ordered)
  check.abortable(signal)
  const source = iteratorOf(items)
  const underWay = new Set<Promise<Step<T, R>>>()
  let reading: Reading<T, R> | undefined
  // One signal for all calls, which ends with the iteration, so that no listener stays on the signal of the caller.
  const controller = new AbortController()
  const stop = () => {
    controller.abort(signal?.reason)
    // The signal also ends a source that hangs.
    reading?.stop(signal?.reason)
  }
  if (signal?.aborted === true) stop()
  const forget = signal && onAbort(signal, stop)
  let more = true
  try {
    for (;;) {
      controller.signal.throwIfAborted()
      if (more && reading === undefined && underWay.size < width) reading = read(source)
      const [first] = underWay
      const steps = ordered && first !== undefined ? [first] : [...underWay]
      if (reading !== undefined) steps.push(reading.step)
      if (steps.length === 0) return
      const step = await Promise.race(steps)
      if ('own' in step) {
        underWay.delete(step.own)
        yield step.value
        continue
      }
      reading = undefined
      if (step.read.done === true) more = false
      else underWay.add(begin(submit(step.read.value, controller.signal)))
    }
  } finally {
    forget?.()
    controller.abort()
    if (reading !== undefined) void Promise.resolve(source.return?.()).catch(() => {})
    else if (more) await source.return?.()
  }
}

function iteratorOf<T>(items: Iterable<T> | AsyncIterable<T>): Iterator<T> | AsyncIterator<T> {
  const stream = (items as Partial<AsyncIterable<T>> | null | undefined)?.[Symbol.asyncIterator]
  if (typeof stream === 'function') return stream.call(items)
  const list = (items as Partial<Iterable<T>> | null | undefined)?.[Symbol.iterator]
  if (typeof list === 'function') return list.call(items)
  throw new OptionTypeError('items', `items must be iterable, got ${describe(items)}`)
}

/** A step of the loop: an item from the source, or the result of a running call. */
type Step<T, R> = { read: IteratorResult<T, unknown> } | { own: Promise<Step<T, R>>; value: R }

/** Waits for the next item, until `stop`. */
interface Reading<T, R> {
  readonly step: Promise<Step<T, R>>
  stop(reason: unknown): void
}

function read<T, R>(source: Iterator<T> | AsyncIterator<T>): Reading<T, R> {
  let stop: (reason: unknown) => void = () => {}
  const step = new Promise<Step<T, R>>((resolve, reject) => {
    stop = reject
    void (async () => ({ read: await source.next() }))().then(resolve, reject)
  })
  step.catch(() => {})
  return { step, stop }
}

function begin<T, R>(result: Promise<R>): Promise<Step<T, R>> {
  const own: Promise<Step<T, R>> = result.then((value) => ({ own, value }))
  own.catch(() => {})
  return own
}
