import { describe, OptionRangeError } from '../../core/errors.ts'
import type { Codec } from '../../queues/queue-options.ts'
import type { StoredRecord, StoredState } from '../../queues/store/job-record.ts'
import type { DeathCount, GroupCounts, Redrive, StoreCounts } from '../../queues/store/job-store.ts'
import { listOf, numberOf, textOf } from '../scripts/reply.ts'
import type { Raw } from './audit.ts'
import { open } from './envelope.ts'
import type { QueueLink } from './queue-link.ts'
import { storedOf } from './records.ts'
import {
  clearReply,
  countOf,
  deathOf,
  flagOf,
  listOfLength,
  numbersOf,
  type Page,
  pageOf,
  type Read,
  textsOf,
  toldGroupOf,
  toldOf,
} from './replies.ts'
import { MOST_TEXT } from './trip-size.ts'

/** How many jobs one trip looks at or changes. */
const MOST = 500
/** How many jobs one trip looks at when it reads little of each. */
const MANY = 2000
/** How many different errors are counted. */
const ERRORS = 1000
/** Cursors as lua/look.lua gives them: of waiting jobs an index and a member, of others a score and a member. */
const CURSOR = { waiting: /^[br]./s, others: /^-?\d+(?:\.\d+)?(?:e\+?\d+)? ./s } as const

/** The calls by which people look at a queue and act on its jobs. */
export class Inspection<T> {
  readonly #link: QueueLink
  readonly #codec: Codec<T>
  readonly #resultTtl: number

  constructor(link: QueueLink, codec: Codec<T>, resultTtl: number) {
    this.#link = link
    this.#codec = codec
    this.#resultTtl = resultTtl
  }

  async get(name: string): Promise<StoredRecord<T> | undefined> {
    return this.#look(['get', name], (reply) =>
      // Clients return a missing value in different ways.
      reply === null || reply === false ? undefined : storedOf(toldOf(reply), this.#codec),
    )
  }

  async list(
    state: StoredState,
    limit: number,
    cursor = '',
  ): Promise<{ jobs: StoredRecord<T>[]; cursor?: string }> {
    if (cursor !== '' && !CURSOR[state === 'waiting' ? 'waiting' : 'others'].test(cursor)) {
      const told = describe(cursor)
      throw new OptionRangeError('cursor', `cursor must be one that jobs() returned, got ${told}`)
    }
    const jobs: StoredRecord<T>[] = []
    let from = cursor
    do {
      const most = Math.min(MOST, limit - jobs.length)
      const args = ['list', state, String(most), from]
      const { entries, next } = await this.#look(args, (reply) => {
        const [told, cursor] = listOfLength(reply, 2)
        return pageOf(listOf(told), cursor, from, (one) => storedOf(toldOf(one), this.#codec))
      })
      jobs.push(...entries)
      from = next
    } while (from !== '' && jobs.length < limit)
    return from === '' ? { jobs } : { jobs, cursor: from }
  }

  async counts(): Promise<StoreCounts> {
    const numbers = await this.#look(['counts'], (reply) => numbersOf(listOfLength(reply, 9)))
    const [waiting = 0, delayed = 0, running = 0, dead = 0, completed = 0, failed = 0, age = 0] =
      numbers
    return { waiting, delayed, running, dead, completed, failed, oldest: age / 1000 }
  }

  async groups(limit: number, among: number = Infinity): Promise<GroupCounts[]> {
    const counts: GroupCounts[] = []
    let from = ''
    do {
      const most = String(Math.min(MOST, among - counts.length))
      const { entries, next } = await this.#look(['groups', from, most], (reply) => {
        const [cursor, ...groups] = listOf(reply)
        return pageOf(groups, cursor, from, toldGroupOf)
      })
      for (const { group: name, waiting, running, age, envelope } of entries) {
        const group = name.startsWith('#') ? (open(envelope, this.#codec).group ?? name) : name
        counts.push({ group, waiting, running, oldest: age / 1000 })
      }
      from = next
    } while (from !== '' && counts.length < among)
    return counts.sort((a, b) => b.waiting - a.waiting || b.running - a.running).slice(0, limit)
  }

  async deaths(limit: number, latest: number = Infinity): Promise<DeathCount[]> {
    const counts = new Map<string, DeathCount>()
    let from = ''
    let left = latest
    do {
      const most = Math.min(MANY, left)
      const { entries, next } = await this.#look(['deaths', from, String(most)], (reply) => {
        const [deaths, cursor] = listOfLength(reply, 2)
        return pageOf(listOf(deaths), cursor, from, deathOf)
      })
      for (const death of entries) {
        const { error } = death
        const known = counts.get(error)
        if (known === undefined && counts.size === ERRORS) continue
        // They come latest first, except errors of one page that differ in more than their message.
        const { count = 0, first = death.first, last = death.last } = known ?? {}
        counts.set(error, {
          error,
          count: count + death.count,
          first: Math.min(first, death.first),
          last: Math.max(last, death.last),
        })
      }
      left -= most
      from = next
    } while (from !== '' && left > 0)
    return [...counts.values()].sort((a, b) => b.count - a.count).slice(0, limit)
  }

  async redrive(which: Redrive): Promise<number> {
    const { limit = Infinity } = which
    let count = 0
    for await (const names of this.#meant(which)) {
      for (let i = 0; i < names.length && count < limit; i += MOST) {
        const most = Math.min(MOST, limit - count)
        const args = ['redrive', String(most), ...names.slice(i, i + MOST)]
        count += await this.#change(args, (reply) => countOf(reply, most))
      }
      if (count >= limit) break
    }
    return count
  }

  async clear(): Promise<T[]> {
    const items: T[] = []
    for (;;) {
      const args = ['clear', String(MOST), String(MOST_TEXT)]
      const [more, envelopes] = await this.#change(args, clearReply)
      for (const envelope of envelopes) {
        try {
          items.push(open(envelope, this.#codec).item)
        } catch {
          // The item cannot be decoded, but the job is gone.
        }
      }
      if (!more) return items
    }
  }

  paused(): Promise<boolean> {
    return this.#look(['paused'], flagOf)
  }

  raw(): Promise<Raw> {
    return this.#look(['all'], (reply) => listOf(reply).map(textsOf))
  }

  /** The ids of the dead jobs to redrive, page by page: in the order of `ids`, else the jobs that died first come first. Some may stay dead. */
  async *#meant(which: Redrive): AsyncGenerator<readonly string[]> {
    const { ids, error, latest } = which
    if (ids === undefined) yield* this.#dead(which)
    else if (error === undefined && latest === undefined) yield ids
    else {
      const wanted = new Set(ids)
      const found = new Set<string>()
      for await (const names of this.#dead(which)) {
        for (const name of names) if (wanted.has(name)) found.add(name)
      }
      yield ids.filter((id) => found.has(id))
    }
  }

  /**
   * The jobs that died, of an error or among the latest where that is asked, the oldest first. What dies from now on is not among them: it
   * may be what has just been redriven.
   */
  async *#dead({ error, latest }: Redrive): AsyncGenerator<readonly string[]> {
    const part = error === undefined ? '' : `"message":${JSON.stringify(error)}`
    if (latest !== undefined) {
      const names: string[] = []
      for (let from = '', left = latest; left > 0; left -= MANY) {
        const page = await this.#diedOf('down', from, Math.min(MANY, left), part)
        names.push(...page.entries)
        from = page.next
        if (from === '') break
      }
      yield names.reverse()
      return
    }
    const { next: last } = await this.#diedOf('down', '', 1, part)
    for (let from = ''; last !== '' && Number(from) < Number(last); ) {
      const page = await this.#diedOf('up', from, MANY, part, last)
      yield page.entries
      from = page.next
      if (from === '') break
    }
  }

  /** One page of the ids of dead jobs; see lua/look.lua. */
  #diedOf(
    order: 'up' | 'down',
    from: string,
    most: number,
    part: string,
    last = '',
  ): Promise<Page<string>> {
    return this.#look(['died of', order, from, String(most), part, last], (reply) => {
      const [names, next] = listOfLength(reply, 2)
      const page = pageOf(listOf(names), next, from, textOf)
      if (page.next !== '') numberOf(page.next)
      return page
    })
  }

  #look<R>(args: string[], read: Read<R>): Promise<R> {
    return this.#link.run('look', this.#resultTtl, args, read)
  }

  #change<R>(args: string[], read: Read<R>): Promise<R> {
    return this.#link.run('change', this.#resultTtl, args, read)
  }
}
