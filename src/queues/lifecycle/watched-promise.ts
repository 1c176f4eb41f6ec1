/**
 * A promise that knows whether its outcome was asked for. Where it was not, a rejection has to be told some other way.
 */
export class WatchedPromise<T> extends Promise<T> {
  /** What `then`, `catch` and `finally` make is an ordinary promise. */
  static override get [Symbol.species](): PromiseConstructor {
    return Promise
  }

  watched = false

  // biome-ignore lint/suspicious/noThenProperty: it is the promise's own.
  override then<A = T, B = never>(
    fulfilled?: ((value: T) => A | PromiseLike<A>) | null,
    rejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    this.watched = true
    return super.then(fulfilled, rejected)
  }
}
