import { type Cancel, systemClock } from '../../core/clock.ts'
import type { Millis } from '../../core/duration.ts'
import { isAioFluxError } from '../../core/errors.ts'
import type { Watch } from '../../core/storage.ts'
import type { QueueLink } from './queue-link.ts'

/** How often work is looked for whose news was lost; where there can be no news, the other. */
const POLL: Millis = 1000
const DEAF_POLL: Millis = 100

export interface Hearers {
  available(): void
  room(): void
  /** A job has ended, at that moment of the server's; without its outcome, that is to be asked for. */
  ended(name: string, outcome?: string, at?: number): void
  cancelled(place: string, reason: string): void
  paused(paused: boolean): void
  declared(): void
  /** News may have been lost. */
  missed(): void
}

/** What is heard of a queue, and the timers behind it in case it was not. */
export class Hints {
  readonly #link: QueueLink
  readonly #hearers: Hearers
  #watches: Watch[] = []
  #look: Cancel | undefined
  #room: Cancel | undefined
  /** True when less was claimed than could be. */
  #hungry = false
  #closed = false

  constructor(link: QueueLink, hearers: Hearers) {
    this.#link = link
    this.#hearers = hearers
  }

  /** True while no news is lost. */
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

  /** There was less to claim than wanted: it is worth looking again when something is due, and now and then. */
  lookIn(due: Millis | undefined): void {
    this.#hungry = true
    this.#look?.()
    if (this.#closed) return
    const poll = (this.live ? POLL : DEAF_POLL) * (0.9 + Math.random() / 10)
    // A timer may come a little early, and a job never does.
    const wait = due === undefined ? poll : Math.min(poll, due + 1)
    this.#look = this.#after(wait, () => this.#hearers.available())
  }

  lookNoMore(): void {
    this.#hungry = false
    this.#look?.()
  }

  /** This process has put something. */
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

  /** What cannot be read is as good as a hint that was lost. */
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
