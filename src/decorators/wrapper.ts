// biome-ignore-all lint/suspicious/noExplicitAny: any function of a user can be wrapped.
import { describe, OptionTypeError } from '../core/errors.ts'

type AsyncFunction<This, Args extends readonly any[]> = (
  this: This,
  ...args: [...Args, ...any[]]
) => Promise<unknown>

/**
 * One value, every use: `@wrapper` on a method or on a field that holds a function, with standard or with legacy
 * decorators, and `wrapper(fn)` on any function. All keep `this`, name, length and types.
 */
export interface Wrapper<This = any, Args extends readonly any[] = any[]> {
  <F extends AsyncFunction<This, Args>>(method: F, context: ClassMethodDecoratorContext<This, F>): F
  <F extends AsyncFunction<This, Args>>(
    value: undefined,
    context: ClassFieldDecoratorContext<This, F>,
  ): (initial: F) => F
  <F extends AsyncFunction<This, Args>>(
    target: object,
    key: string | symbol,
    descriptor: TypedPropertyDescriptor<F>,
  ): TypedPropertyDescriptor<F>
  <F extends AsyncFunction<This, Args>>(fn: F): F
  <T extends This, P extends [...Args, ...any[]], R>(
    fn: (this: T, ...args: P) => R,
  ): (this: T, ...args: P) => Promise<Awaited<R>>
}

/** What a function was when it was wrapped. */
export type WrappedKind = 'method' | 'field' | 'function'

/** What a wrapper does: run `call` of `fn` when it thinks fit. */
export type Around = (
  self: unknown,
  args: readonly unknown[],
  call: () => unknown,
  fn: (...args: unknown[]) => unknown,
) => Promise<unknown>

/**
 * Makes the wrapper that puts `around` round each call.
 *
 * @param met is told of each function that is wrapped, and may refuse it
 */
export function makeWrapper<This, Args extends readonly any[]>(
  around: Around,
  met: (fn: (...args: unknown[]) => unknown, kind: WrappedKind) => void = () => {},
): Wrapper<This, Args> {
  const wrap = (fn: (...args: unknown[]) => unknown, kind: WrappedKind) => {
    met(fn, kind)
    function wrapped(this: unknown, ...args: unknown[]): Promise<unknown> {
      return around(this, args, () => fn.apply(this, args), fn)
    }
    Object.defineProperty(wrapped, 'name', { value: fn.name, configurable: true })
    Object.defineProperty(wrapped, 'length', { value: fn.length, configurable: true })
    return wrapped
  }
  const use = (target: any, context?: any, descriptor?: any): unknown => {
    if (descriptor !== undefined) {
      return { ...descriptor, value: wrap(check(descriptor.value), 'method') }
    }
    const kind = context?.kind
    if (kind === 'field') return (initial: any) => wrap(check(initial), 'field')
    if (context !== undefined && kind !== 'method') {
      // Legacy decorators hand over a name where the standard has a context, and no descriptor for a field.
      const what = kind === undefined ? `the field '${String(context)}'` : `a ${kind}`
      throw new OptionTypeError('target', `target must be a method or a function, got ${what}`)
    }
    return wrap(check(target), kind ?? 'function')
  }
  return use as Wrapper<This, Args>
}

function check(fn: unknown): (...args: unknown[]) => unknown {
  if (typeof fn === 'function') return fn as (...args: unknown[]) => unknown
  throw new OptionTypeError('fn', `fn must be a function, got ${describe(fn)}`)
}
