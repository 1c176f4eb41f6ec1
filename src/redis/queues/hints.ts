import { type Cancel, systemClock } from '../../core/clock.ts'
import type { Millis } from '../../core/duration.ts'
import { isAioFluxError } from '../../core/errors.ts'
import type { Watch } from '../../core/storage.ts'
import type { QueueLink } from './queue-link.ts'

/** How often a queue looks for work, in case a message was lost: with a connection that listens, and without one. */
const POLL: Millis = 1000
const DEAF_POLL: Millis = 100

export interface Hearers {
  available(): void
  room(): void
  /** A job has ended; `at` is the time of the server. Without `outcome`, the outcome has to be asked for. */
  ended(name: string, outcome?: string, at?: number): void
  cancelled(place: string, reason: string): void
  paused(paused: boolean): void
  declared(): void
  /** Messages may have been lost. */
  missed(): void
}

/** The messages about a queue, and the timers that look for work in case a message was lost. */
export class Hints {
  readonly #link: QueueLink
  readonly #hearers: Hearers
  #watches: Watch[] = []
  #look: Cancel | undefined
  #room: Cancel | undefined
  /** True when the last claim got fewer jobs than wanted. */
  #hungry = false
  #closed = false

  constructor(link: QueueLink, hearers: Hearers) {
    this.#link = link
    this.#hearers = hearers
  }

  /** True while the server sends the messages of all channels. */
  get live(): boolean {
    return this.#watches.length > 0 && this.#watches.every((watch) => watch.live)
  }

  /** Begins to listen. Idempotent. */
  listen(): void {
    if (this.#watches.length > 0 || this.#closed) return
    const heard = (message?: string) => this.#heard(message)
    this.#watches = [
      this.#link.listen(this.#link.process, heard),
      this.#link.listen(undefined, heard),
    ]
  }

  /** Fewer jobs were there than wanted: looks again when the next job is due, and now and then. */
  lookIn(due: Millis | undefined): void {
    this.#hungry = true
    this.#look?.()
    if (this.#closed) return
    const poll = (this.live ? POLL : DEAF_POLL) * (0.9 + Math.random() / 10)
    // A timer may fire a little early, and a job is never due early.
    const wait = due === undefined ? poll : Math.min(poll, due + 1)
    this.#look = this.#after(wait, () => this.#hearers.available())
  }

  lookNoMore(): void {
    this.#hungry = false
    this.#look?.()
  }

  /** This process has put a job. */
  put(): void {
    if (this.#hungry) this.#hearers.available()
  }

  /** A put found no room. */
  full(): void {
    if (this.#closed) return
    this.#room ??= this.#after(POLL, () => {
      this.#room = undefined
      this.#hearers.room()
    })
  }

  close(): void {
    this.#closed = true
    for (const watch of this.#watches) watch.end()
    this.#look?.()
    this.#room?.()
  }

  #after(wait: Millis, run: () => void): Cancel {
    const { timers } = this.#link
    return (timers.after ?? systemClock.after)?.call(timers, wait, run, true) as Cancel
  }

  #ended(name: string, rest: string): void {
    const [at, outcome] = split(rest)
    this.#hearers.ended(name, outcome, Number(at))
  }

  #hear(message: string | undefined): void {
    if (this.#closed) return
    const rest = message?.slice(1) ?? ''
    switch (message?.[0]) {
      case undefined:
        if (this.#hungry) this.#hearers.available()
        if (this.#room !== undefined) this.#hearers.room()
        return this.#hearers.missed()
      case 'w':
        return this.#hearers.available()
      case 'f':
        return this.#hearers.room()
      case 'r':
        return this.#ended(...split(rest))
      case 'R':
        return this.#hearers.ended(rest)
      case 'c':
        return this.#hearers.cancelled(...split(rest))
      case 'p':
        this.#hearers.paused(rest === '1')
        if (rest === '0') this.#hearers.available()
        return
      case 'd':
        return this.#hearers.declared()
    }
  }

  /** Handles a message. One that cannot be read is ignored, as if it were lost. */
  #heard(message: string | undefined): void {
    try {
      this.#hear(message)
    } catch (error) {
      if (!isAioFluxError(error, 'STORAGE_DOWN')) throw error
      this.#hearers.missed()
    }
  }
}

function split(text: string): [name: string, rest: string] {
  const at = text.indexOf('\n')
  return [text.slice(0, at), text.slice(at + 1)]
}
