// The part of node:async_hooks that is used here; also there in Bun and Deno, missing on some edge runtimes.
interface AsyncHooks {
  AsyncResource: new (type: string, options: { requireManualDestroy: boolean }) => AsyncContext
  AsyncLocalStorage: new () => { run<R>(store: unknown, fn: () => R): R; disable(): void }
}

/** Where a call came from: what every `AsyncLocalStorage` held there. */
export interface AsyncContext {
  readonly [internal: symbol]: unknown
  runInAsyncScope<A extends unknown[], R>(fn: (...args: A) => R, self: unknown, ...args: A): R
}

type Capture = (made: Promise<unknown>) => AsyncContext | undefined

let capture: Capture | undefined
/** A context that holds nothing, as soon as another one has been met. */
let nowhere: AsyncContext | undefined
let emptied: AsyncContext | undefined

/**
 * The context of the caller, to run something in it later; `undefined` where there is nothing to carry.
 *
 * @param made a promise that was made in this context just now
 */
export function asyncContext(made: Promise<unknown>): AsyncContext | undefined {
  capture ??= findCapture()
  const context = capture(made)
  if (context !== undefined) nowhere = emptied
  return context
}

/** Notes whether the caller has a context: from then on {@link noContext} keeps that context from jobs that carry none. */
export function noticeContext(): void {
  asyncContext(Promise.resolve())
}

/**
 * The context for a job that carries none. It is `undefined` until a context has been met: the job can then run where it is started.
 * After that it is a context that holds nothing, since the place where the job is started may have the context of another caller.
 */
export function noContext(): AsyncContext | undefined {
  return nowhere
}

function findCapture(): Capture {
  const hooks = (
    globalThis as { process?: { getBuiltinModule?(name: string): AsyncHooks | undefined } }
  ).process?.getBuiltinModule?.('node:async_hooks')
  if (hooks === undefined) return () => undefined
  const { AsyncResource } = hooks
  const take = () => new AsyncResource('aioflux.job', { requireManualDestroy: true })
  const frame = trusted() ? undefined : frameOf(hooks, take)
  emptied = cleared(take(), frame)
  if (frame !== undefined) {
    return () => {
      const taken = take()
      return holdsNothing(taken[frame]) ? undefined : taken
    }
  }
  const mark = markOfUse(hooks, take())
  if (mark === undefined) return take
  return (made) => (mark in made ? take() : undefined)
}

/**
 * From Node 24 on a resource keeps the frame of contexts it was made in: none where no `AsyncLocalStorage` was used, and
 * then there is nothing to carry. `undefined` where the runtime has another way.
 */
function frameOf(hooks: AsyncHooks, take: () => AsyncContext): symbol | undefined {
  const storage = new hooks.AsyncLocalStorage()
  // In a scope of its own: a frame that was entered stays with its caller, empty, and so with all that the caller starts.
  const full = take().runInAsyncScope(() => storage.run(true, take), undefined)
  storage.disable()
  return Object.getOwnPropertySymbols(full).find(
    (symbol) => symbol.description === 'context_frame' && full[symbol] !== undefined,
  )
}

/** Takes out of a resource what storages hold in it: in its frame, or up to Node 22 under a symbol of each. */
function cleared(resource: AsyncContext, frame: symbol | undefined): AsyncContext {
  const fields = resource as unknown as Record<symbol, unknown>
  if (frame !== undefined) fields[frame] = undefined
  for (const symbol of Object.getOwnPropertySymbols(fields)) {
    if (symbol.description === 'kResourceStore') delete fields[symbol]
  }
  return resource
}

/** A frame is a map from storages to what they hold; one that was left holds `undefined`. */
function holdsNothing(frame: unknown): boolean {
  if (frame === undefined) return true
  try {
    // Called so, since Node's own maps have another prototype.
    for (const held of Map.prototype.values.call(frame)) if (held !== undefined) return false
    return true
  } catch {
    return false
  }
}

/**
 * Up to Node 22 a promise bears an async id as soon as any `AsyncLocalStorage` is in use, and only then. Looking for that
 * id costs a twentieth of capturing a context that holds nothing. `undefined` where the runtime has another way.
 */
function markOfUse(hooks: AsyncHooks, resource: AsyncContext): symbol | undefined {
  const mark = Object.getOwnPropertySymbols(resource).find(
    (symbol) => symbol.description === 'async_id_symbol',
  )
  if (mark === undefined || trusted()) return mark
  const storage = new hooks.AsyncLocalStorage()
  const marked = storage.run(true, () => mark in new Promise(nothing))
  storage.disable()
  return marked ? mark : undefined
}

/** Node up to 21 knows no other way; asking it would slow down all promises until the end of the tick. */
function trusted(): boolean {
  const { versions } =
    (globalThis as { process?: { versions?: { v8?: string; node?: string } } }).process ?? {}
  return versions?.v8 !== undefined && Number.parseInt(versions.node ?? '', 10) < 22
}

function nothing(): void {}
