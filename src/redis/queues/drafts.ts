import { CostTooLargeError } from '../../core/errors.ts'
import type { Inserted, JobDraft, Room } from '../../queues/store/job-store.ts'
import type { LimitDeclaration, StoreOptions } from '../../queues/store/queue-storage.ts'
import { ownIdLine, seal } from './envelope.ts'
import { checkId, Ids, limitKey, placeName, prefixOf, suffixOf } from './place.ts'
import { listOfLength, type Met, putReply, textsOf } from './replies.ts'

const STATES = { 1: 'waiting', 2: 'delayed', 0: 'duplicate', [-1]: 'full' } as const

/** A draft as the script `put` takes it. */
export interface Written {
  readonly id: string
  readonly name: string
  readonly prefix: string
  readonly suffix: string
  readonly extra: string
  readonly envelope: string
}

/** What one trip carries. */
export interface PutTrip {
  readonly args: string[]
  /** True when there are groups or keys in it. */
  readonly routed: boolean
  read(reply: unknown): Placed[]
}

/** A job that was kept; when asked for, with the id of the history of the server's data: see Confirmer. */
export interface Placed extends Inserted {
  readonly history?: string
}

/** Writes drafts for Redis. */
export class Drafts<T> {
  readonly #options: StoreOptions<T>
  readonly #ids = new Ids()

  constructor(options: StoreOptions<T>) {
    this.#options = options
  }

  /**
   * @param limit the limit of the queue
   * @throws OptionTypeError | OptionRangeError for a draft that cannot be written, CostTooLargeError for a job that could never start
   */
  write(drafts: readonly JobDraft<T>[], limit: LimitDeclaration | undefined): Written[] {
    const { capacity = Infinity, keyed = false } = limit ?? {}
    for (const { cost } of drafts) {
      if (cost > capacity) throw new CostTooLargeError(cost, capacity)
    }
    return drafts.map((draft) => this.#write(draft, keyed))
  }

  #write(draft: JobDraft<T>, keyed: boolean): Written {
    const { id: own, priority, group, limiterKey, cost, terms, unique } = draft
    if (own !== undefined) checkId(own)
    const id = own ?? this.#ids.next()
    const name = own === undefined ? id : placeName(own)
    const groupName = group === undefined || group === '' ? '' : placeName(group)
    const key = limiterKey ?? (keyed ? '' : undefined)
    const keyName = key === undefined ? undefined : limitKey(key)
    const extras: Parameters<typeof seal>[3] = {}
    if (terms !== undefined) extras.terms = terms
    if (group !== undefined && groupName !== group && group !== '') extras.group = group
    if (keyName !== undefined && !keyName.endsWith(`:${key}`)) extras.key = key as string
    const { codec, maxItemBytes } = this.#options
    return {
      id,
      name,
      prefix: prefixOf(groupName, priority),
      suffix: suffixOf(keyName, cost, unique && placeName(unique.key), own !== undefined),
      extra: extraOf(draft),
      envelope: (name === id ? '' : ownIdLine(id)) + seal(draft, codec, maxItemBytes, extras),
    }
  }
}

/** The fields of a draft that most jobs do not have. */
function extraOf(draft: JobDraft): string {
  const { id, delay, at, group, awaited, unique } = draft
  const weight = group === undefined ? undefined : draft.groupWeight
  const timed = at ?? (delay !== undefined && delay > 0 ? delay : undefined)
  const own = id !== undefined
  if (timed === undefined && weight === undefined && !awaited && !own && unique === undefined) {
    return ''
  }
  const kind = timed === undefined ? '-' : at === undefined ? 'd' : 'a'
  const extra = `${kind},${timed ?? 0},${weight ?? ''},${awaited ? 1 : 0},${own ? 1 : 0},`
  if (unique === undefined) return extra
  const { mode, ttl, delay: quiet, maxDelay } = unique
  const { putter = '' } = draft
  return `${extra}${mode},${ttl},${quiet},${Math.min(maxDelay, 1e15)},${putter},`
}

/** All drafts in one trip. @param history true when the history is asked for */
export function tripOf(
  written: readonly Written[],
  { maxSize, overflow }: Room,
  history: boolean,
): PutTrip {
  const [first] = written as [Written]
  const alike = written.every(
    ({ prefix, suffix, extra }) => prefix === first.prefix && suffix === '' && extra === '',
  )
  const most = maxSize === Infinity ? '' : String(maxSize)
  const full = (overflow === 'refuse' ? 'r' : 'd') + (history ? 'h' : '')
  const args = [most, full, String(written.length), alike ? 'u' : 'm']
  if (alike) args.push(first.prefix)
  let routed = false
  for (const { name, prefix, suffix, extra, envelope } of written) {
    if (alike) args.push(name, envelope)
    else args.push(name, prefix, suffix, extra, envelope)
    routed ||= prefix.charCodeAt(0) !== 2 || suffix.charCodeAt(0) === 1
  }
  const read = (reply: unknown): Placed[] => {
    if (!history) return insertedOf(written, reply)
    const [name, rest] = listOfLength(reply, 2)
    const [known] = textsOf([name]) as [string]
    return insertedOf(written, rest).map((each) => ({ ...each, history: known }))
  }
  return { args, routed, read }
}

function insertedOf(written: readonly Written[], reply: unknown): Inserted[] {
  const told = putReply(reply, written.length)
  if (told === undefined) return written.map(({ id }) => ({ id, state: 'waiting' }))
  const { states, dropped, at } = told
  const inserted: Inserted[] = written.map(({ id }, i) => {
    const state = states[i] as keyof typeof STATES | Met
    if (typeof state === 'object') return { ...state, state: 'duplicate', at }
    return { id, state: STATES[state], at }
  })
  const last = inserted.length - 1
  if (dropped.length > 0) inserted[last] = { ...(inserted[last] as Inserted), dropped }
  return inserted
}
