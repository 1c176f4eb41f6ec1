import type { Duration } from '../core/duration.ts'
import { onAbort } from '../core/on-abort.ts'
import type { Lease } from './lease.ts'

/** The lease of the leadership as one call of `lead` gets it: its own signal also aborts when this call has to stop. */
export class LeaderLease implements Lease {
  readonly #lease: Lease
  readonly #stop: AbortSignal | undefined
  readonly #forgets: readonly (() => void)[]
  readonly #controller = new AbortController()

  constructor(lease: Lease, stop: AbortSignal | undefined) {
    this.#lease = lease
    this.#stop = stop
    const signals = stop === undefined ? [lease.signal] : [lease.signal, stop]
    this.#forgets = signals.map((signal) => onAbort(signal, () => this.#onAbort()))
    if (lease.signal.aborted || stop?.aborted) this.#onAbort()
  }

  get names(): readonly string[] {
    return this.#lease.names
  }

  get token(): number {
    return this.#lease.token
  }

  get tokens(): ReadonlyMap<string, number> {
    return this.#lease.tokens
  }

  get signal(): AbortSignal {
    // To read the signal of the lease is to read the clocks: an expired lease aborts it.
    if (this.#lease.signal.aborted) this.#onAbort()
    return this.#controller.signal
  }

  get held(): boolean {
    return this.#lease.held
  }

  get remaining(): number {
    return this.#lease.remaining
  }

  assertHeld(): void {
    this.#lease.assertHeld()
  }

  extend(ttl?: Duration): Promise<void> {
    return this.#lease.extend(ttl)
  }

  release(): Promise<boolean> {
    return this.#lease.release()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#lease.release()
  }

  /** The call has ended: removes its listeners from the signals, which live longer. */
  end(): void {
    for (const forget of this.#forgets) forget()
  }

  readonly #onAbort = (): void => {
    const { signal } = this.#lease
    this.#controller.abort(signal.aborted ? signal.reason : this.#stop?.reason)
  }
}
