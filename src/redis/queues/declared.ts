import type { Millis } from '../../core/duration.ts'
import { AioFluxError, isAioFluxError, OptionTypeError } from '../../core/errors.ts'
import type { Declaration, Kept, LimitDeclaration } from '../../queues/store/queue-storage.ts'
import { stateMiddle } from '../key-name.ts'
import { numberOf } from '../scripts/reply.ts'
import { limitKey } from './place.ts'
import type { QueueLink } from './queue-link.ts'
import { type Agreement, type Declaring, declareReply } from './replies.ts'

/** How long the declaration of a process holds without a sign of life, and how often the process gives one. */
const HOLDS: Millis = 30_000
const RENEWED: Millis = 10_000
/** Stands for Infinity in the declaration that is kept: Lua cannot read Infinity. */
const ENDLESS = 1e300

interface Option {
  /** The field in Redis. */
  readonly field: string
  write(value: never, cluster: boolean): string
  read(text: string): unknown
}

/** The options that processes must agree on, as users name them. */
const OPTIONS: Readonly<Record<keyof Declaration, Option>> = {
  kind: plain('kind'),
  codec: plain('codec'),
  dedupeMode: plain('mode'),
  dedupeTtl: numeric('ttl'),
  groupConcurrency: numeric('bound'),
  maxDeliveries: numeric('deliveries'),
  keepCompleted: kept('keepCompleted'),
  keepDead: kept('keepDead'),
  limiter: { field: 'limit', write: limitText, read: limitOf },
}
/** The names of the options, as messages show them. */
const NAMES: Readonly<Record<string, string>> = {
  kind: 'kind',
  mode: 'mode',
  ttl: 'ttl',
  bound: 'groupConcurrency',
  limit: 'limiter',
  deliveries: 'maxDeliveries',
  keepCompleted: 'keep.completed',
  keepDead: 'keep.dead',
  codec: 'codec',
}

/** The hint in the message about a difference: `redeclare` changes all options but these. */
const ADVICE: Readonly<Record<string, string>> = {
  kind: 'a queue of another kind needs another name',
  codec: 'a queue with another codec needs another name',
}

/** The options of a queue that this process declares, and the options that all processes have agreed on. */
export class Declared {
  readonly #link: QueueLink
  readonly #name: string
  readonly #observes: boolean
  #own: Map<string, string>
  #agreed: Declaration = {}
  #changes = ''
  #ready: Promise<void> | undefined
  #done = false
  #timer: NodeJS.Timeout | undefined
  #closed = false

  /** @param observes true for a process that only looks: it takes the options of the other processes, and declares none */
  constructor(link: QueueLink, name: string, declaration: Declaration, observes: boolean) {
    this.#link = link
    this.#name = name
    this.#observes = observes
    this.#own = observes ? new Map() : this.#written(declaration)
  }

  get agreed(): Declaration {
    return this.#agreed
  }

  /** True when the options are agreed on: then {@link ready} need not be awaited. */
  get done(): boolean {
    return this.#done
  }

  ready(): Promise<void> {
    this.#ready ??= this.#declare().catch((error) => {
      this.#ready = undefined
      throw error
    })
    return this.#ready
  }

  async redeclare(declaration: Declaration): Promise<void> {
    const changed = this.#written(declaration)
    const agreement = await this.#run('redeclare', changed)
    for (const [field, value] of changed) this.#own.set(field, value)
    this.#take(agreement)
    this.#done = true
  }

  /** A process has changed the options that are agreed on: reads them again. */
  renew(): void {
    if (!this.#done || this.#closed) return
    this.#run(this.#observes ? 'observe' : 'renew', this.#own)
      .then((agreement) => {
        if (agreement.unchanged) return
        this.#take(agreement)
        this.#done = true
      })
      .catch((error) => {
        if (!isRefusal(error)) return
        // The next call declares again, and so on until it is accepted: the process that differs may stop in a moment.
        this.#done = false
        this.#ready = undefined
      })
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    clearInterval(this.#timer)
    if (this.#done && !this.#observes) await this.#run('leave', this.#own).catch(() => {})
  }

  async #declare(): Promise<void> {
    const agreement = await this.#run(this.#observes ? 'observe' : 'declare', this.#own)
    const [most, policy = ''] = agreement.memory.split(' ')
    if (most !== '0' && policy.startsWith('allkeys')) {
      throw new AioFluxError(
        'INVALID_OPTION',
        `storage cannot keep queue '${this.#name}': with maxmemory-policy ${policy} Redis may evict its jobs; set it to noeviction`,
      )
    }
    this.#take(agreement)
    this.#done = true
    if (this.#timer !== undefined || this.#closed) return
    this.#timer = setInterval(() => this.renew(), RENEWED)
    this.#timer.unref()
  }

  async #run(verb: Declaring, options: ReadonlyMap<string, string>): Promise<Agreement> {
    const pairs = [...options].flat()
    const args = [verb, String(HOLDS), this.#changes, String(options.size), ...pairs]
    const reply = await this.#link.run('declare', 0, args, (answer) => declareReply(answer, verb))
    if (!('refused' in reply)) return reply
    const { refused: field, theirs, ours } = reply
    const name = NAMES[field] ?? field
    throw new OptionTypeError(
      name,
      `${name} of queue '${this.#name}' must be the same in all processes: others have ${shown(field, theirs)}, got ${shown(field, ours)}; ${ADVICE[field] ?? 'redeclare() changes it for all'}`,
    )
  }

  #take({ changes, fields }: Agreement): void {
    this.#changes = changes
    const agreed: Record<string, unknown> = {}
    for (const [name, { field, read }] of Object.entries(OPTIONS)) {
      const text = fields.get(field)
      if (text === undefined) continue
      agreed[name] = read(text)
      // Where the options of other processes hold, this process now declares the same.
      if (this.#own.has(field)) this.#own.set(field, text)
    }
    this.#agreed = agreed
  }

  #written(declaration: Declaration): Map<string, string> {
    const written = new Map<string, string>()
    for (const [name, value] of Object.entries(declaration)) {
      if (value === undefined) continue
      const { field, write } = OPTIONS[name as keyof Declaration]
      written.set(field, write(value as never, this.#link.cluster))
    }
    return written
  }
}

/** Another process declares something else, or keeps the queue in another way. A server that is out of reach or full is no refusal. */
function isRefusal(error: unknown): boolean {
  return isAioFluxError(error, 'INVALID_OPTION') || isAioFluxError(error, 'LAYOUT')
}

function plain(field: string): Option {
  return { field, write: (value) => value, read: (text) => text }
}

function numeric(field: string): Option {
  return { field, write: (value) => String(value), read: numberOf }
}

function kept(field: string): Option {
  return {
    field,
    write: ({ age, count }: Kept) => `${Math.min(age, ENDLESS)} ${Math.min(count, ENDLESS)}`,
    read(text) {
      const [age = 0, count = 0] = text.split(' ').map(numberOf)
      return { age: endless(age), count: endless(count) }
    },
  }
}

function endless(value: number): number {
  return value >= ENDLESS ? Infinity : value
}

/** As lua/limit.lua reads it. */
function limitText(limit: LimitDeclaration, cluster: boolean): string {
  const { kind, scope, params, keyed } = limit
  const numbers = Object.entries(params).flatMap(([name, value]) => [name, String(value)])
  const where = cluster ? 'own' : 'shared'
  const whose = keyed ? 'keyed' : 'whole'
  return [kind, where, stateMiddle(kind, scope), limitKey(''), whose, ...numbers].join('\n')
}

function limitOf(text: string): LimitDeclaration {
  const [kind = '', , middle = '', , whose, ...numbers] = text.split('\n')
  const params: Record<string, number> = {}
  for (let i = 0; i < numbers.length; i += 2)
    params[numbers[i] as string] = numberOf(numbers[i + 1])
  return {
    kind: kind as LimitDeclaration['kind'],
    scope: decodeURIComponent(middle.slice(kind.length + 2, -1)),
    params,
    capacity: params['burst'] ?? params['limit'] ?? Infinity,
    keyed: whose === 'keyed',
  }
}

function shown(field: string, text: string): string {
  if (field !== 'limit') return text
  const { kind, scope, params } = limitOf(text)
  return `${kind} ${JSON.stringify(params)} in scope '${scope}'`
}
