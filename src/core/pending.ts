type Resolve = (value: unknown) => void

// The executor of a promise is called at once, so one function can serve all promises: no closure for each.
let last: Resolve = () => {}
function grab(resolve: Resolve): void {
  last = resolve
}

/** A promise to be resolved by hand. {@link resolveOfLast} has to be read before another one is made. */
export function pending<R>(): Promise<R> {
  return new Promise<unknown>(grab) as Promise<R>
}

/** What resolves the promise that {@link pending} made last; to reject, resolve it with a rejected promise. */
export function resolveOfLast(): Resolve {
  return last
}
