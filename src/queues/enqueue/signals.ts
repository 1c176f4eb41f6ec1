import { onAbort } from '../../core/on-abort.ts'

interface Post<T> {
  readonly subscribers: Set<T>
  readonly forget: () => void
}

/** Listens to aborts for many jobs: one listener for each signal, removed with its last job. */
export class Signals<T> {
  readonly #posts = new Map<AbortSignal, Post<T>>()
  readonly #aborted: (subscriber: T, reason: unknown) => void

  constructor(aborted: (subscriber: T, reason: unknown) => void) {
    this.#aborted = aborted
  }

  add(signal: AbortSignal, subscriber: T): void {
    let post = this.#posts.get(signal)
    if (post === undefined) {
      const subscribers = new Set<T>()
      const forget = onAbort(signal, () => {
        this.#posts.delete(signal)
        // From the last, so that a job that waits for room is not let in by one that makes it.
        for (const each of [...subscribers].reverse()) {
          if (subscribers.has(each)) this.#aborted(each, signal.reason)
        }
      })
      post = { subscribers, forget }
      this.#posts.set(signal, post)
    }
    post.subscribers.add(subscriber)
  }

  remove(signal: AbortSignal, subscriber: T): void {
    const post = this.#posts.get(signal)
    if (post === undefined) return
    post.subscribers.delete(subscriber)
    if (post.subscribers.size > 0) return
    this.#posts.delete(signal)
    post.forget()
  }
}
