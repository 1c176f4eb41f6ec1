/** A permit of a limiter of calls at once: its call counts until `release`, or the end of a `using` block. A second `release` does nothing. */
export interface Permit extends Disposable, AsyncDisposable {
  readonly key: string
  readonly tokens: number
  readonly released: boolean
  release(): void
}

/** A permit that calls `giveBack` when it is released first. */
export function permitOf(key: string, tokens: number, giveBack: () => void): Permit {
  let released = false
  const release = () => {
    if (released) return
    released = true
    giveBack()
  }
  return {
    key,
    tokens,
    get released() {
      return released
    },
    release,
    [Symbol.dispose]: release,
    async [Symbol.asyncDispose]() {
      release()
    },
  }
}
