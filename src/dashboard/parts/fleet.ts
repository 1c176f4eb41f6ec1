import type { AwaitedLock } from '../../coordination/lease.ts'
import type { Millis } from '../../core/duration.ts'
import type { Storage } from '../../core/storage.ts'
import type { Survey, Surveyable, SurveyedLease, SurveyedSchedule } from '../../core/survey.ts'
import type { Codec } from '../../queues/queue-options.ts'
import { jsonCodec } from '../../queues/store/json-codec.ts'
import type { QueueStorage } from '../../queues/store/queue-storage.ts'
import type { ProcessState, StorageState } from '../state.ts'
import { QueuePart } from './queue-part.ts'
import { Rate } from './rate.ts'

/** The prefix of the keys under which processes tell their state. */
const PROCESSES = 'dashboard:process:'
/** The prefix of the keys under which leaders tell their names. */
const LEADERS = 'leader:'
/** How often this process tells its state, and how long the state of a process is kept, also after its death. */
const TELLS: Millis = 5_000
const STAYS = 3600
/** The least time between two scans of the storage, which also take at most a twentieth of the time. */
const LOOKS: Millis = 2_000
const SHARE = 20
/** How many answers are timed. */
const TIMED = 100

/** The state that a process tells. */
interface Told extends ProcessState {
  readonly name: string
  /** The elections that it leads and the locks that it holds: name and token. */
  readonly leases: readonly (readonly [string, number])[]
  /** The locks for which it waits. Processes of an earlier version do not tell them. */
  readonly awaits?: readonly AwaitedLock[]
}

interface QueueHome {
  readonly queues?: Pick<QueueStorage, 'observe'>
}

/** The queues, leases and processes that use one storage. */
export class Fleet {
  readonly #storage: Storage & Partial<Surveyable> & QueueHome
  readonly #self: string
  readonly #queues = new Map<string, QueuePart>()
  readonly #times: number[] = []
  #survey: Survey | undefined
  #openIn: ReadonlyMap<string, number> = new Map()
  #processes = new Map<string, Told>()
  #leaders = new Map<string, { process: string; token: number }>()
  #looked: Millis = -Infinity
  #pause: Millis = LOOKS
  #told: Millis = -Infinity
  #failure: { since: Millis; message: string } | undefined
  #surveyFailure: string | undefined
  readonly #scripts = new Rate()
  #scriptRate: number | undefined

  /** @param self tells this process apart from all others */
  constructor(storage: Storage, self: string) {
    this.#storage = storage
    this.#self = self
  }

  /** The queues that were found and do not belong to this process. */
  get queues(): ReadonlyMap<string, QueuePart> {
    return this.#queues
  }

  get leases(): readonly SurveyedLease[] | undefined {
    return this.#survey?.leases
  }

  /** How many processes have a queue open; `undefined` when that is unknown. */
  processesOf(queue: string): number | undefined {
    return this.#survey && (this.#openIn.get(queue) ?? 0)
  }

  get schedules(): readonly SurveyedSchedule[] {
    return this.#survey?.schedules ?? []
  }

  /** The names of elections that leaders have told. */
  get elections(): ReadonlySet<string> {
    return new Set([...this.led, ...this.#leaders.keys()])
  }

  /** The elections that other processes lead, as they told last; for an hour also those of a process that has died. */
  get led(): ReadonlySet<string> {
    return new Set([...this.#processes.values()].flatMap(({ leads }) => leads))
  }

  /** The other processes, by name. */
  processes(): [string, ProcessState][] {
    return [...this.#processes].map(([, { name, leases: _, awaits: __, ...state }]) => [
      name,
      { ...state, here: false },
    ])
  }

  /** The locks for which other processes wait: the name of the process, and the lock. */
  awaited(): [string, AwaitedLock][] {
    return [...this.#processes.values()].flatMap(({ name, awaits }) =>
      (Array.isArray(awaits) ? awaits : []).flatMap((lock: unknown): [string, AwaitedLock][] =>
        isAwaited(lock) ? [[name, lock]] : [],
      ),
    )
  }

  holderOf(lease: string, token: number): string | undefined {
    for (const { name, leases } of this.#processes.values()) {
      if (leases.some(([held, its]) => held === lease && its === token)) return name
    }
    const leader = this.#leaders.get(lease)
    return leader?.token === token ? leader.process : undefined
  }

  get state(): StorageState {
    const failure = this.#failure?.message ?? this.#surveyFailure
    const sorted = this.#times.toSorted((a, b) => a - b)
    const at = (share: number) =>
      sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]
    const [p50, p99] = [at(0.5), at(0.99)]
    const { server, partial } = this.#survey ?? {}
    return {
      reachable: this.#failure === undefined,
      ...(this.#failure !== undefined && { since: this.#failure.since }),
      ...(failure !== undefined && { failure }),
      ...(p50 !== undefined && { p50 }),
      ...(p99 !== undefined && { p99 }),
      ...(server !== undefined && {
        version: server.version,
        memory: server.memory,
        maxMemory: server.maxMemory,
        policy: server.policy,
      }),
      ...(this.#scriptRate !== undefined && { scripts: this.#scriptRate }),
      ...(partial && { partial }),
    }
  }

  /**
   * Scans the storage, if it is time.
   *
   * @param own the queues of this process
   */
  async look(now: Millis, own: ReadonlyMap<string, unknown>): Promise<void> {
    await this.#ping(now)
    const { survey } = this.#storage
    if (survey === undefined || now - this.#looked < this.#pause || this.#failure) return
    const began = performance.now()
    try {
      const found = await this.#storage.survey?.([PROCESSES, LEADERS])
      if (found === undefined) return
      this.#take(found, own, now)
      this.#surveyFailure = undefined
    } catch (error) {
      this.#surveyFailure = (error as Error).message
    }
    this.#looked = now
    this.#pause = Math.max(LOOKS, (performance.now() - began) * SHARE)
  }

  /** Tells the other dashboards the state of this process, if it is time. */
  async tell(
    now: Millis,
    name: string,
    state: ProcessState,
    leases: Told['leases'],
    awaits: readonly AwaitedLock[],
  ): Promise<void> {
    if (now - this.#told < TELLS) return
    this.#told = now
    const told: Told = { ...state, name, leases, awaits }
    await this.#storage.set(PROCESSES + this.#self, told, STAYS).catch(() => {})
  }

  async close(): Promise<void> {
    const stops = [...this.#queues.values()].map(({ queue }) => queue.stop({ mode: 'drop' }))
    this.#queues.clear()
    if (this.#told > -Infinity) await this.#storage.delete(PROCESSES + this.#self).catch(() => {})
    await Promise.allSettled(stops)
  }

  async #ping(now: Millis): Promise<void> {
    const began = performance.now()
    try {
      await this.#storage.exists('dashboard')
      this.#failure = undefined
      this.#times.push((performance.now() - began) / 1000)
      if (this.#times.length > TIMED) this.#times.shift()
    } catch (error) {
      const { message } = error as Error
      this.#failure = { since: this.#failure?.since ?? now, message }
    }
  }

  #take(found: Survey, own: ReadonlyMap<string, unknown>, now: Millis): void {
    this.#survey = found
    if (found.server.scripts > 0) this.#scriptRate = this.#scripts.push(found.server.scripts, now)
    this.#openIn = new Map(found.queues.map(({ name, processes }) => [name, processes]))
    this.#processes = new Map()
    this.#leaders = new Map()
    for (const [key, value] of found.values) {
      if (key.startsWith(LEADERS)) {
        const { process, token } = Object(value) as { process?: unknown; token?: unknown }
        if (typeof process !== 'string' || typeof token !== 'number') continue
        this.#leaders.set(key.slice(LEADERS.length), { process, token })
      } else if (key !== PROCESSES + this.#self && isTold(value, now)) {
        this.#processes.set(key, value)
      }
    }
    for (const { name, kind, codec } of found.queues) {
      if (own.has(name) || this.#queues.has(name)) continue
      const queue = this.#storage.queues?.observe(name, readable(codec))
      if (queue === undefined) continue
      this.#queues.set(name, new QueuePart(queue, false, kind === '' ? undefined : kind))
    }
    for (const [name, { queue }] of this.#queues) {
      if (!own.has(name) && found.queues.some((each) => each.name === name)) continue
      if (found.partial) continue
      this.#queues.delete(name)
      void queue.stop({ mode: 'drop' }).catch(() => {})
    }
  }
}

function isTold(value: unknown, now: Millis): value is Told {
  const { name, heard, leases, leads } = Object(value) as Partial<Told>
  return (
    typeof name === 'string' &&
    typeof heard === 'number' &&
    now - heard < STAYS * 1000 &&
    Array.isArray(leases) &&
    Array.isArray(leads)
  )
}

function isAwaited(lock: unknown): lock is AwaitedLock {
  const { name, waiting, longest } = Object(lock) as Partial<AwaitedLock>
  return typeof name === 'string' && Number.isFinite(waiting) && Number.isFinite(longest)
}

/** Reads items that are JSON. Items of another codec, which only the processes of the queue have, stay hidden. */
function readable(name: string): Codec {
  if (name === 'json') return jsonCodec
  return { ...jsonCodec, name, decode: (data) => (name === '' ? parsed(data) : undefined) }
}

/** Reads an item that any codec may have written. */
function parsed(data: string | Uint8Array): unknown {
  try {
    return jsonCodec.decode(data)
  } catch {
    return undefined
  }
}
