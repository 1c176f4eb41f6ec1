import type { Millis } from '../../core/duration.ts'
import type { Watch } from '../../core/storage.ts'
import type { Ears, Subscriber } from './subscriber.ts'

/** How long a channel without listeners is kept: the next caller in line will listen to the same channel. */
const LINGER: Millis = 1000
/** How long after a failed subscription the next one is tried. */
const AGAIN: Millis = 1000

/** Opens a connection to listen on; `undefined` where the client cannot have one. */
export type Listen = (ears: Ears) => Promise<Subscriber | undefined>

/** Called with each published message, and without a message when one may have been missed. */
export type Heard = (message?: string) => void

interface Channel {
  readonly listeners: Set<Heard>
  /** `asked`: the subscription is under way; `live`: the server sends what is published there. */
  state: 'asked' | 'live' | 'lost'
}

/**
 * The listeners of each channel, over one connection for all of them. It is opened for the first listener, and never
 * keeps a process alive.
 *
 * A message is a hint: it only says that it is worth asking. When a message may have been missed, listeners are called too.
 */
export class WakeHub {
  readonly #listen: Listen
  readonly #channels = new Map<string, Channel>()
  #subscriber: Promise<Subscriber | undefined> | undefined
  #up = false
  #closed = false
  #sweep: NodeJS.Timeout | undefined
  #again: NodeJS.Timeout | undefined

  constructor(listen: Listen) {
    this.#listen = listen
  }

  /**
   * Calls `listener` once when the watch becomes live, and then for each message on `channel`.
   */
  subscribe(channel: string, listener: Heard): Watch {
    const own: Heard = (message) => listener(message)
    const { listeners } = this.#channels.get(channel) ?? this.#begin(channel)
    listeners.add(own)
    const isLive = () => this.#up && this.#channels.get(channel)?.state === 'live'
    return {
      get live() {
        return isLive()
      },
      end: () => {
        listeners.delete(own)
        if (listeners.size === 0) this.#sweepLater()
      },
    }
  }

  /** Ends the connection. Idempotent. */
  close(): void {
    this.#closed = true
    this.#up = false
    clearTimeout(this.#sweep)
    clearTimeout(this.#again)
    this.#channels.clear()
    this.#subscriber?.then((subscriber) => subscriber?.end()).catch(() => {})
    this.#subscriber = undefined
  }

  #begin(name: string): Channel {
    const channel: Channel = { listeners: new Set(), state: 'lost' }
    this.#channels.set(name, channel)
    void this.#ask((one) => one === channel)
    return channel
  }

  /** Asks the server to send what is published on `these` of the channels. */
  async #ask(these: (channel: Channel) => boolean): Promise<void> {
    const asked = [...this.#channels].filter(([, channel]) => these(channel))
    if (this.#closed || asked.length === 0) return
    for (const [, channel] of asked) channel.state = 'asked'
    try {
      const subscriber = await this.#open()
      // A hub that was closed meanwhile has ended the subscriber: it must not connect again.
      if (subscriber === undefined || this.#closed) return
      await subscriber.subscribe(asked.map(([name]) => name))
    } catch {
      for (const [, channel] of asked) channel.state = 'lost'
      this.#askAgain()
      return
    }
    if (this.#closed) return
    this.#up = true
    for (const [, channel] of asked) {
      channel.state = 'live'
      call(channel)
    }
  }

  #open(): Promise<Subscriber | undefined> {
    const open = this.#subscriber ?? this.#listen(this.#ears)
    this.#subscriber = open
    open.catch(() => {
      if (this.#subscriber === open) this.#subscriber = undefined
    })
    return open
  }

  readonly #ears: Ears = {
    heard: (name, message) => {
      const channel = this.#channels.get(name)
      if (channel !== undefined) call(channel, message)
    },
    // A subscription that is under way arrives; all others are asked for again.
    up: () => void this.#ask(({ state }) => state !== 'asked'),
    down: () => {
      this.#up = false
    },
  }

  #askAgain(): void {
    if (this.#closed) return
    clearTimeout(this.#again)
    this.#again = setTimeout(() => void this.#ask(({ state }) => state === 'lost'), AGAIN)
    this.#again.unref()
  }

  #sweepLater(): void {
    if (this.#sweep !== undefined || this.#closed) return
    this.#sweep = setTimeout(() => {
      this.#sweep = undefined
      const idle = [...this.#channels].filter(([, { listeners }]) => listeners.size === 0)
      if (idle.length === 0) return
      for (const [name] of idle) this.#channels.delete(name)
      const names = idle.map(([name]) => name)
      this.#subscriber?.then((subscriber) => subscriber?.unsubscribe(names)).catch(() => {})
    }, LINGER)
    this.#sweep.unref()
  }
}

function call(channel: Channel, message?: string): void {
  for (const listener of [...channel.listeners]) listener(message)
}
