// biome-ignore-all lint/suspicious/noExplicitAny: what is wrapped is anybody's function.
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

/** What a wrapper does: run `call` when it thinks fit. */
export type Around = (
  self: unknown,
  args: readonly unknown[],
  call: () => unknown,
) => Promise<unknown>

/** Makes the wrapper that puts `around` round each call. */
export function makeWrapper<This, Args extends readonly any[]>(
  around: Around,
): Wrapper<This, Args> {
  const wrap = (fn: (...args: unknown[]) => unknown) => {
    function wrapped(this: unknown, ...args: unknown[]): Promise<unknown> {
      return around(this, args, () => fn.apply(this, args))
    }
    Object.defineProperty(wrapped, 'name', { value: fn.name, configurable: true })
    Object.defineProperty(wrapped, 'length', { value: fn.length, configurable: true })
    return wrapped
  }
  const use = (target: any, context?: any, descriptor?: any): unknown => {
    if (descriptor !== undefined) return { ...descriptor, value: wrap(descriptor.value) }
    if (context?.kind === 'field') return (initial: any) => wrap(initial)
    return wrap(target)
  }
  return use as Wrapper<This, Args>
}
