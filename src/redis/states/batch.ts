import type { Micros } from '../../core/duration.ts'
import type { Rule } from '../../core/rule.ts'
import type { AboutHold, Move, Verdict } from '../../core/storage.ts'
import { type Program, takes } from '../scripts/link.ts'
import { listOf, malformed, numberOf } from '../scripts/reply.ts'
import type { Names } from './route.ts'

/** The moves of every ledger, and the moves of a lender: see driver.lua. */
export type Step = Move | 'lend' | 'return'

const MOVES: Readonly<Record<Step, string>> = {
  reserve: '1',
  peek: '2',
  refund: '3',
  reset: '4',
  block: '5',
  lend: '6',
  return: '7',
  hold: '8',
  settle: '9',
  extend: '10',
  report: '11',
}
/** The number that the script returns for Infinity: a round one, because not every client reads the last digits of a long number right. */
const NEVER: Micros = 9_000_000_000_000_000
/** States in one call: more save little, and keep the server from others for longer. */
const MOST_STATES = 128

export interface Waiter {
  /** Takes a verdict for each rule, and how much was granted: how often, or of a `lend` how much. */
  resolve(verdicts: Verdict[], granted: number): void
  reject(error: unknown): void
}

/** Equal moves on one group of states, one after the other. */
interface Run {
  readonly move: Step
  /** The same for all rules, or one for each. */
  readonly cost: number | readonly number[]
  readonly extra: Micros
  readonly about: AboutHold | undefined
  readonly waiters: Waiter[]
}

/** The states one move is about: one for each rule. */
interface Group {
  readonly keys: readonly string[]
  readonly runs: Run[]
}

/** Sends one call: the program that runs it, the names of the states, and the moves on them. */
export type Send = (program: Program, names: string[], moves: string[]) => Promise<unknown>

/** How groups are sent; groups that are sent alike travel together. */
type Form = Exclude<Program, 'single'> | 'reserve' | 'refund'

/**
 * Moves of one list of rules, gathered during one turn of the event loop and sent together: equal moves on one key as one
 * run, many keys in one call. The order of arrival stays, for each key. No call waits for a timer.
 */
export class Batch {
  readonly #rules: readonly Rule[]
  readonly #groups = new Map<string, Group>()
  readonly #takes: boolean

  constructor(rules: readonly Rule[]) {
    this.#rules = rules
    this.#takes = rules.length === 1 && takes(rules[0] as Rule)
  }

  /**
   * @param id says which group it is, the same for the same keys
   * @param keys one for each rule; `undefined` where there is one rule and `id` is its key
   */
  add(
    id: string,
    keys: readonly string[] | undefined,
    move: Step,
    cost: number | readonly number[],
    extra: Micros,
    waiter: Waiter,
    about?: AboutHold,
  ): void {
    let group = this.#groups.get(id)
    if (group === undefined) {
      group = { keys: keys ?? [id], runs: [] }
      this.#groups.set(id, group)
    }
    const last = group.runs[group.runs.length - 1]
    // A reservation that may have to wait gets a time of its own, so it stays a run of its own.
    if (
      move === 'reserve' &&
      extra === 0 &&
      last?.move === move &&
      last.cost === cost &&
      last.extra === 0
    ) {
      last.waiters.push(waiter)
    } else {
      group.runs.push({ move, cost, extra, about, waiters: [waiter] })
    }
  }

  /** Sends all that was gathered. */
  send(names: Names, send: Send): void {
    const forms = new Map<Form, Group[]>()
    for (const group of this.#groups.values()) {
      const form = this.#formOf(group)
      const alike = forms.get(form)
      if (alike === undefined) forms.set(form, [group])
      else alike.push(group)
    }
    const most = Math.max(1, Math.floor(MOST_STATES / this.#rules.length))
    for (const [form, groups] of forms) {
      for (let i = 0; i < groups.length; i += most) {
        this.#call(form, groups.slice(i, i + most), names, send)
      }
    }
  }

  #formOf({ runs }: Group): Form {
    if (this.#takes && isPlain(runs)) return 'take'
    const { move, waiters } = runs[0] as Run
    const single = this.#rules.length === 1 && runs.length === 1 && waiters.length === 1
    return single && (move === 'reserve' || move === 'refund') ? move : 'driver'
  }

  #call(form: Form, groups: Group[], nameOf: Names, send: Send): void {
    const names: string[] = []
    for (const { keys } of groups) {
      for (let rule = 0; rule < keys.length; rule++) {
        names.push((nameOf[rule] as Names[number])(keys[rule] as string))
      }
    }
    const program = form === 'reserve' || form === 'refund' ? 'single' : form
    const moves =
      program === 'single' ? argumentsOf(form as Move, groups) : movesOf(groups, this.#rules.length)
    send(program, names, moves).then(
      (reply) => {
        try {
          const numbers = listOf(reply)
          if (program === 'single') this.#settleEach(groups, numbers)
          else this.#settle(groups, numbers)
        } catch (error) {
          rejectAll(groups, error)
        }
      },
      (error) => {
        if (groups.length > 1 && isTornSlot(error)) {
          for (const group of groups) this.#call(form, [group], nameOf, send)
        } else rejectAll(groups, error)
      },
    )
  }

  /** Of `driver` and `take`. */
  #settle(groups: Group[], reply: readonly unknown[]): void {
    let at = 0
    const lastRun = groups.at(-1)?.runs.at(-1)
    for (const { runs } of groups) {
      const plain = isPlain(runs)
      for (const run of runs) {
        const { cost, waiters } = run
        const granted = numberOf(reply[at++])
        const whole = plain && granted === waiters.length
        const last: Verdict[] = []
        for (const rule of this.#rules) {
          const wait = whole ? 0 : endless(numberOf(reply[at++]))
          const remaining = numberOf(reply[at++])
          const idleAfter = endless(numberOf(reply[at++]))
          if (rule.token === undefined) last.push({ wait, remaining, idleAfter })
          else last.push({ wait, remaining, idleAfter, token: numberOf(reply[at++]) })
        }
        // An answer that is longer is the answer to something else.
        if (run === lastRun && at !== reply.length) throw malformed(reply)
        if (waiters.length === 1) (waiters[0] as Waiter).resolve(last, granted)
        else settleRun(waiters, granted, cost as number, last)
      }
    }
  }

  /** Of `single`: one move, and one waiter, of each group. */
  #settleEach(groups: Group[], reply: readonly unknown[]): void {
    const tokens = (this.#rules[0] as Rule).token !== undefined
    if (reply.length !== groups.length * (tokens ? 1 : 3)) throw malformed(reply)
    let at = 0
    for (const { runs } of groups) {
      const [waiter] = (runs[0] as Run).waiters as [Waiter]
      const first = endless(numberOf(reply[at++]))
      if (tokens) {
        const wait = Math.min(first, 0)
        waiter.resolve([{ wait, remaining: 0, idleAfter: 0, token: first }], wait < 0 ? 0 : 1)
      } else {
        const remaining = numberOf(reply[at++])
        const idleAfter = endless(numberOf(reply[at++]))
        waiter.resolve([{ wait: first, remaining, idleAfter }], first < 0 ? 0 : 1)
      }
    }
  }
}

function rejectAll(groups: readonly Group[], error: unknown): void {
  for (const { runs } of groups) {
    for (const { waiters } of runs) for (const waiter of waiters) waiter.reject(error)
  }
}

/** The arguments of the program `single`. */
function argumentsOf(move: Move, groups: readonly Group[]): string[] {
  if (groups.every(({ runs }) => isPlain(runs))) return []
  const told = [MOVES[move]]
  for (const { runs } of groups) {
    const { cost, extra } = runs[0] as Run
    told.push(String(cost), String(Math.min(extra, NEVER)))
  }
  return told
}

/** The arguments of the programs `driver` and `take`. */
function movesOf(groups: readonly Group[], rules: number): string[] {
  const moves: string[] = []
  let once = true
  for (const { runs } of groups) {
    if (isPlain(runs)) {
      const times = (runs[0] as Run).waiters.length
      if (times > 1) once = false
      moves.push(String(-times))
      continue
    }
    once = false
    moves.push(String(runs.length))
    for (const { move, cost, extra, about, waiters } of runs) {
      moves.push(MOVES[move], String(Math.min(extra, NEVER)), String(waiters.length))
      pushEach(moves, cost, rules)
      if (about === undefined) continue
      moves.push(String(about.id), String(about.with))
      if (about.actual !== undefined) pushEach(moves, about.actual, rules)
    }
  }
  return once ? [] : moves
}

/** One number for each rule. */
function pushEach(moves: string[], numbers: number | readonly number[], rules: number): void {
  for (let i = 0; i < rules; i++) {
    moves.push(String(typeof numbers === 'number' ? numbers : numbers[i]))
  }
}

/** True when only some of the keys have moved to another server of the Cluster: nothing was done, and each alone can be. */
export function isTornSlot(error: unknown): boolean {
  const { cause } = Object(error) as { cause?: { message?: unknown } }
  return String(cause?.message).startsWith('TRYAGAIN')
}

/** True for reserves of 1 without a wait and nothing else, as most groups are: these have a shorter form. */
function isPlain(runs: readonly Run[]): boolean {
  const { move, cost, extra } = runs[0] as Run
  return runs.length === 1 && move === 'reserve' && cost === 1 && extra === 0
}

/** Gives each call of a run its verdict. The first `granted` calls passed, each with what was left after it; the others share one denial. */
function settleRun(waiters: Waiter[], granted: number, cost: number, last: Verdict[]): void {
  for (let i = 0; i < waiters.length; i++) {
    const waiter = waiters[i] as Waiter
    if (i >= granted) waiter.resolve(last, 0)
    else waiter.resolve(before(last, (granted - 1 - i) * cost), 1)
  }
}

/** The verdict as it was before `after` more was taken. */
function before(last: Verdict[], after: number): Verdict[] {
  const verdicts: Verdict[] = []
  for (const { remaining, idleAfter } of last) {
    verdicts.push({ wait: 0, remaining: remaining + after, idleAfter })
  }
  return verdicts
}

function endless(micros: Micros): Micros {
  return micros >= NEVER ? Infinity : micros <= -NEVER ? -Infinity : micros
}
