import {
  acquireEach,
  type LeaseAnswer,
  type LeaseRequest,
  type LeaseStore,
  type LeaseWatch,
  type OthersTurn,
  releaseEach,
  renewEach,
  watchEach,
} from '../core/lease-store.ts'
import type { Watch } from '../core/storage.ts'
import type { Heard } from './client/wake-hub.ts'
import { stateNames, tagOf } from './key-name.ts'
import { SCRIPTS } from './scripts/lua.generated.ts'
import { listOf, malformed, numberOf } from './scripts/reply.ts'
import { type Script, script } from './scripts/script.ts'
import { isTornSlot } from './states/batch.ts'

/** The parts of the storage that leases use. */
export interface LeaseServer {
  readonly prefix: string
  /** True where the keys of one call have to lie in one slot. */
  readonly cluster: boolean
  /** The time that scripts go by, in microseconds; '' for the server's own. */
  readonly present: string
  execute(script: Script, keys: string[], args: string[]): Promise<unknown>
  joins(keys: readonly string[]): boolean
  listen(channel: string, listener: Heard): Watch
}

/** `try` is an acquire of a caller that does not wait. */
type Verb = 'acquire' | 'try' | 'renew' | 'release'

const VERBS: Readonly<Record<Verb, string>> = { acquire: 'a', try: 't', renew: 'n', release: 'r' }
/** The argument of the script for one lease when the caller does not wait. */
const ONCE = '1'
/** An acquire of a process that lets others go first. */
const YIELDING = 'y'
const SCRIPT = script(SCRIPTS['lease'] as string)
const ACQUIRE = script(SCRIPTS['lease-acquire'] as string)
/** Scripts for a single lease and one verb: shorter, so cheaper for the server. */
const ALONE: Readonly<Partial<Record<Verb, Script>>> = {
  acquire: ACQUIRE,
  try: ACQUIRE,
  release: script(SCRIPTS['lease-release'] as string),
}
const NOW = Promise.resolve()
/** States in one call: more save little, and keep the server from others for longer. */
const MOST_STATES = 128
/** The number that the script returns where the length of the wait is not known. */
const NEVER = -9_000_000_000_000_000

/** A request that waits to be sent. */
interface Asked {
  readonly verb: Verb
  readonly names: readonly string[]
  /** Eight ASCII characters: the state keeps their bytes as they are. */
  readonly holder: string
  /** In microseconds. */
  readonly term: number
  /** The fences of a process that lets others go first, negated when their time is over. */
  readonly after: readonly number[] | undefined
  /** Takes one number for each name. */
  readonly resolve: (numbers: readonly number[]) => void
  readonly reject: (error: unknown) => void
}

/**
 * Leases in Redis, by a script of their own.
 *
 * An acquire that comes while no other request is under way is sent at once: a lone caller waits for nothing. A release waits for the
 * requests of the same instant, so that the next caller of this process takes the lease in the same trip. All others are gathered until
 * the turn of the event loop is over, and travel together.
 */
export class RedisLeases implements LeaseStore {
  readonly takesTurns = true
  readonly #server: LeaseServer
  readonly #nameOf: (name: string) => string
  #waiting: Asked[] = []
  /** How many calls are under way. */
  #underWay = 0

  constructor(server: LeaseServer) {
    this.#server = server
    this.#nameOf = stateNames(server.prefix, 'lease', 'lease')
  }

  acquire(request: LeaseRequest): Promise<LeaseAnswer> {
    if (!this.#server.joins(request.names)) return acquireEach(this, request)
    const { names, holder, term, once, after } = request
    const asked = this.#ask(once ? 'try' : 'acquire', names, holder, term, fencesOf(after))
    if (names.length === 1) return asked.then(answerOf)
    return asked.then((numbers) => ({
      ...answerOf(numbers),
      denied: names.filter((_, i) => (numbers[i] as number) < 0),
    }))
  }

  async renew(request: LeaseRequest): Promise<boolean> {
    if (!this.#server.joins(request.names)) return renewEach(this, request)
    const { names, holder, term } = request
    return waitOf(await this.#ask('renew', names, holder, term)) <= 0
  }

  release(names: readonly string[], holder: string, tokens: readonly number[]): Promise<boolean> {
    if (!this.#server.joins(names)) return releaseEach(this, names, holder, tokens)
    return this.#ask('release', names, holder, 0).then((last) =>
      last.every((token, i) => token === tokens[i]),
    )
  }

  watch(names: readonly string[], freed: (name?: string) => void): LeaseWatch {
    // The script publishes on the name of the state. A call without a message says that one may have been missed.
    const listen = (name: string) =>
      this.#server.listen(this.#nameOf(name), (message) =>
        freed(message === undefined ? undefined : name),
      )
    return watchEach(names.map(listen))
  }

  #ask(
    verb: Verb,
    names: readonly string[],
    holder: string,
    term: number,
    after?: readonly number[],
  ): Promise<readonly number[]> {
    const micros = Math.ceil(term * 1000)
    const idle = this.#underWay === 0 && this.#waiting.length === 0
    const atOnce = idle && (verb === 'acquire' || verb === 'try')
    if (atOnce && names.length === 1 && after === undefined) {
      return this.#sendOne(ACQUIRE, verb, names[0] as string, holder, micros)
    }
    return new Promise((resolve, reject) => {
      const asked = { verb, names, holder, term: micros, after, resolve, reject }
      if (atOnce) return this.#call([asked])
      if (this.#waiting.push(asked) > 1) return
      // Not `queueMicrotask`: Node makes an object to trace for each.
      if (this.#underWay === 0) void NOW.then(this.#send)
      else setImmediate(this.#send)
    })
  }

  readonly #send = (): void => {
    const waiting = this.#waiting
    this.#waiting = []
    if (waiting.length === 1) this.#call(waiting)
    else if (!this.#server.cluster) this.#sendInParts(waiting)
    else for (const asked of bySlot(waiting)) this.#sendInParts(asked)
  }

  #sendInParts(all: readonly Asked[]): void {
    let part: Asked[] = []
    let states = 0
    for (const asked of all) {
      if (states > 0 && states + asked.names.length > MOST_STATES) {
        this.#call(part)
        part = []
        states = 0
      }
      part.push(asked)
      states += asked.names.length
    }
    this.#call(part)
  }

  #call(all: readonly Asked[]): void {
    const [{ verb, names, holder, term, after, resolve, reject }] = all as readonly [Asked]
    const single = all.length === 1 && names.length === 1 && after === undefined
    const alone = single ? ALONE[verb] : undefined
    if (alone !== undefined) {
      this.#sendOne(alone, verb, names[0] as string, holder, term).then(resolve, reject)
      return
    }
    this.#underWay += 1
    this.#sendAll(all).then(
      (reply) => {
        this.#underWay -= 1
        settle(all, reply)
      },
      (error: unknown) => {
        this.#underWay -= 1
        if (all.length > 1 && isTornSlot(error)) for (const asked of all) this.#call([asked])
        else for (const asked of all) asked.reject(error)
      },
    )
  }

  /** One request about one lease, by a script that can do nothing else. */
  #sendOne(
    alone: Script,
    verb: Verb,
    name: string,
    holder: string,
    term: number,
  ): Promise<readonly number[]> {
    const { present } = this.#server
    const args = [holder]
    if (verb !== 'release') args.push(String(term))
    if (verb === 'acquire' && present !== '') args.push(present)
    if (verb === 'try') args.push(present, ONCE)
    this.#underWay += 1
    return this.#server.execute(alone, [this.#nameOf(name)], args).then(
      (reply) => {
        this.#underWay -= 1
        return [numberOf(reply)]
      },
      (error: unknown) => {
        this.#underWay -= 1
        throw error
      },
    )
  }

  #sendAll(all: readonly Asked[]): Promise<unknown> {
    const { present } = this.#server
    const keys: string[] = []
    const args = [present]
    for (const { verb, names, holder, term, after } of all) {
      for (const name of names) keys.push(this.#nameOf(name))
      const asked = after === undefined ? VERBS[verb] : YIELDING
      args.push(asked, String(names.length), holder, String(term))
      if (after !== undefined) args.push(...after.map(String))
    }
    return this.#server.execute(SCRIPT, keys, args)
  }
}

/** Hands each request its part of the reply. */
function settle(all: readonly Asked[], reply: unknown): void {
  try {
    const numbers = listOf(reply).map(numberOf)
    // A short answer would leave requests without a number, and no number is no denial: they would count as granted.
    if (numbers.length !== statesOf(all)) throw malformed(reply)
    let at = 0
    for (const { names, resolve } of all) {
      resolve(numbers.slice(at, at + names.length))
      at += names.length
    }
  } catch (error) {
    for (const { reject } of all) reject(error)
  }
}

function fencesOf(after: OthersTurn | undefined): readonly number[] | undefined {
  return after?.tokens.map((token) => (after.over ? -token : token))
}

function answerOf(numbers: readonly number[]): LeaseAnswer {
  return { wait: waitOf(numbers), tokens: numbers }
}

function statesOf(all: readonly Asked[]): number {
  let states = 0
  for (const { names } of all) states += names.length
  return states
}

/** How long until all can be had, in milliseconds; 0 where all were granted. @throws StorageDownError for a 0, which is no fence */
function waitOf(numbers: readonly number[]): number {
  const least = numbers.length === 1 ? (numbers[0] as number) : Math.min(...numbers)
  if (least > 0) return 0
  if (least === 0) throw malformed(least)
  return least <= NEVER ? Infinity : -least / 1000
}

function bySlot(all: readonly Asked[]): Iterable<Asked[]> {
  const slots = new Map<string, Asked[]>()
  for (const asked of all) {
    const slot = tagOf(asked.names[0] as string)
    const alike = slots.get(slot)
    if (alike === undefined) slots.set(slot, [asked])
    else alike.push(asked)
  }
  return slots.values()
}
