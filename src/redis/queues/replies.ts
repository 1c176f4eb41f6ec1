import type { StoredState } from '../../queues/store/job-record.ts'
import type { DeathCount } from '../../queues/store/job-store.ts'
import { jsonOf, listOf, malformed, numberOf, textOf } from '../scripts/reply.ts'
import { outcomeOf } from './envelope.ts'

// Reads the reply of each script as soon as it arrives: a reply of another shape is an outage.

/** Reads the reply of one script. @throws StorageDownError where it has another shape */
export type Read<T> = (reply: unknown) => T

/** Ends the group in a place, the place in a token, and the head of a record; see lua/head.lua. */
const PLACE = '\u0002'
const TOKEN = '\u0004'
const HEAD = '\n'

const STATES: readonly unknown[] = ['waiting', 'delayed', 'running', 'dead', 'completed']

/** A list of exactly `length` parts. */
export function listOfLength(reply: unknown, length: number): readonly unknown[] {
  const list = listOf(reply)
  if (list.length !== length) throw malformed(reply)
  return list
}

/** A list of texts: the same list where all parts are texts already. */
export function textsOf(reply: unknown): readonly string[] {
  const list = listOf(reply)
  for (const part of list) if (typeof part !== 'string') return list.map(textOf)
  return list as readonly string[]
}

export function numbersOf(reply: unknown): readonly number[] {
  const list = listOf(reply)
  for (const part of list) if (typeof part !== 'number') return list.map(numberOf)
  return list as readonly number[]
}

/** A whole number that is not negative, and not above `most`. */
export function countOf(reply: unknown, most: number = Infinity): number {
  const count = numberOf(reply)
  if (Number.isInteger(count) && count >= 0 && count <= most) return count
  throw malformed(reply)
}

/** Yes or no. */
export function flagOf(reply: unknown): boolean {
  return countOf(reply, 1) === 1
}

/** Reads the reply of a script that has nothing to return. */
export function anything(): void {}

/** The verbs of the script `declare`. */
export type Declaring = 'declare' | 'renew' | 'redeclare' | 'leave' | 'observe'

/** The options that the processes of a queue have agreed on: see lua/declare.lua. */
export interface Agreement {
  /** How often it has changed. */
  readonly changes: string
  /** True where a renewal found no change; then there are no fields. */
  readonly unchanged: boolean
  /** `maxmemory` and its policy; '' unless `declare` was asked. */
  readonly memory: string
  readonly fields: ReadonlyMap<string, string>
}

/** The error for an option that another process declares differently. */
export interface Refusal {
  readonly refused: string
  readonly theirs: string
  readonly ours: string
}

export function declareReply(reply: unknown, verb: Declaring): Agreement | Refusal {
  const texts = textsOf(reply)
  if (texts[0] === '!') {
    const [, refused = '', theirs = '', ours = ''] = textsOf(listOfLength(reply, 4))
    return { refused, theirs, ours }
  }
  const [changes = '', ...rest] = texts
  const memory = verb === 'declare' ? (rest.shift() ?? '') : ''
  const asked = verb !== 'declare' || /^\d+ [\w-]*$/.test(memory)
  if (!/^\d+$/.test(changes) || !asked || rest.length % 2 !== 0) throw malformed(reply)
  const fields = new Map<string, string>()
  for (let i = 0; i < rest.length; i += 2) fields.set(rest[i] as string, rest[i + 1] as string)
  return { changes, unchanged: verb === 'renew' && rest.length === 0, memory, fields }
}

/** The reply of `step`: see lua/step.lua. */
export interface StepReply {
  readonly look: number
  readonly late: readonly number[]
  readonly lost: readonly number[]
  /** The index of each renewed claim that is cancelled, and the reason. */
  readonly calledOff: readonly { readonly index: number; readonly reason: string }[]
  /** Tokens and records in turn. */
  readonly jobs: readonly string[]
  readonly before: readonly string[]
}

/**
 * @param want how many jobs were asked for at most
 * @param renewals how many claims were to be renewed
 */
export function stepReply(reply: unknown, want: number, renewals: number): StepReply {
  const [now, look, late, lost, calledOff, claimed, known] = listOfLength(reply, 7)
  numberOf(now)
  const jobs = textsOf(claimed)
  const before = textsOf(known)
  const count = jobs.length / 2
  if (count > want || (before.length > 0 && before.length !== count)) throw malformed(reply)
  for (let i = 0; i < jobs.length; i += 2) {
    const whole = jobs[i]?.includes(TOKEN) === true && jobs[i + 1]?.includes(HEAD) === true
    if (!whole) throw malformed(reply)
  }
  return {
    look: numberOf(look),
    late: numbersOf(late),
    lost: numbersOf(lost),
    calledOff: calledOffOf(listOf(calledOff), renewals),
    jobs,
    before,
  }
}

function calledOffOf(list: readonly unknown[], renewals: number): StepReply['calledOff'] {
  const all: StepReply['calledOff'][number][] = []
  for (let i = 0; i < list.length; i += 2) {
    all.push({ index: countOf(list[i], renewals - 1), reason: textOf(list[i + 1]) })
  }
  return all
}

/** A job that a put has met: one of its dedupe key, or one that its own id stands for. */
export interface Met {
  readonly id: string
  readonly own: boolean
}

/** The reply of `put` where not all jobs wait now: see lua/put.lua. */
export interface PutReply {
  readonly states: readonly (number | Met)[]
  readonly dropped: readonly string[]
  readonly at: number
}

/** @param count how many jobs were put @returns `undefined` where all of them wait now */
export function putReply(reply: unknown, count: number): PutReply | undefined {
  if (!Array.isArray(reply)) {
    if (numberOf(reply) !== count) throw malformed(reply)
    return undefined
  }
  const list = listOfLength(reply, count + 2)
  const states = list.slice(0, count).map(stateOf)
  return { states, dropped: textsOf(list[count]), at: numberOf(list[count + 1]) }
}

/** A number; or a job that was there: after `=` or `~` its name, and in a line of its own its id where that is a hash. */
function stateOf(reply: unknown): number | Met {
  const text = typeof reply === 'number' ? '' : textOf(reply)
  const own = text.startsWith('~')
  if (own || text.startsWith('=')) {
    const lineEnd = text.indexOf('\n')
    const id = lineEnd < 0 ? text.slice(1) : textOf(jsonOf(text.slice(lineEnd + 1)))
    return { id, own }
  }
  const state = numberOf(reply)
  if (!(state >= -1 && state <= 2)) throw malformed(reply)
  return state
}

/** The reply of `look` about a job: see lua/look.lua. */
export interface Told {
  readonly id: string
  readonly state: StoredState
  readonly place: string
  readonly record: string
  /** The counts of its claims. */
  readonly claimed: string
  /** How it ended. */
  readonly ends: string
  readonly tries: string
  readonly progress: string
  /** When the job is due, or has ended, in milliseconds. */
  readonly at: string
  /** The token of the present claim. */
  readonly token: string
}

export function toldOf(reply: unknown): Told {
  const texts = textsOf(listOfLength(reply, 10)) as [id: string, state: StoredState, ...string[]]
  const [id, state, place = '', record = '', claimed = '', ends = '', ...rest] = texts
  const [tries = '', progress = '', at = '', token = ''] = rest
  const whole = place.includes(PLACE) && record.includes(HEAD)
  if (!whole || !STATES.includes(state)) throw malformed(reply)
  if (token !== '' && !token.includes(TOKEN)) throw malformed(reply)
  return { id, state, place, record, claimed, ends, tries, progress, at, token }
}

/** One page, and where the next one begins; '' after the last one. */
export interface Page<T> {
  readonly entries: readonly T[]
  readonly next: string
}

/** @param from where this page begins: a reply whose next page begins there too is refused, because the list would never end */
export function pageOf<T>(
  entries: readonly unknown[],
  next: unknown,
  from: string,
  read: Read<T>,
): Page<T> {
  const cursor = textOf(next)
  if (cursor !== '' && cursor === from) throw malformed([next])
  return { entries: entries.map(read), next: cursor }
}

/** An error of dead jobs: how many jobs of one page died of it, and when the first and the last of them did. */
export function deathOf(reply: unknown): DeathCount {
  const [ends, count, first, last] = listOfLength(reply, 4)
  const end = textOf(ends)
  const outcome = end === '' ? undefined : outcomeOf(end)
  return {
    error: outcome?.state === 'failed' ? outcome.error.message : '',
    count: countOf(count),
    first: Math.floor(numberOf(first)),
    last: Math.floor(numberOf(last)),
  }
}

/** The numbers of a group, and the envelope of one of its jobs. */
export interface ToldGroup {
  readonly group: string
  readonly waiting: number
  readonly running: number
  readonly age: number
  readonly envelope: string
}

export function toldGroupOf(reply: unknown): ToldGroup {
  const [group, waiting, running, age, envelope] = listOfLength(reply, 5)
  return {
    group: textOf(group),
    waiting: countOf(waiting),
    running: countOf(running),
    age: numberOf(age),
    envelope: textOf(envelope),
  }
}

/** Whether there may be more to clear, and the items that were dropped, as they were sealed: see envelope.ts. */
export function clearReply(reply: unknown): readonly [more: boolean, envelopes: readonly string[]] {
  const [more, items] = listOfLength(reply, 2)
  const envelopes = textsOf(items)
  for (const envelope of envelopes) if (!/^[sSbBI]/.test(envelope)) throw malformed(reply)
  return [flagOf(more), envelopes]
}
