import type { Clock } from '../core/clock.ts'
import type { Micros } from '../core/duration.ts'
import type { Rule } from '../core/rule.ts'
import type { Move, Verdict } from '../core/storage.ts'
import { paramsOf } from './link.ts'
import type { Script } from './script.ts'

const MOVES: Readonly<Record<Move, number>> = { reserve: 1, peek: 2, refund: 3, reset: 4, block: 5 }
/** The largest whole number; the script says it for endless. */
const NEVER: Micros = Number.MAX_SAFE_INTEGER
/** States in one call: more save little, and keep the server from others for longer. */
const MOST_STATES = 128

/** Runs a script somewhere, once. */
export type RunScript = (script: Script, keys: string[], args: string[]) => Promise<unknown>

interface Waiter {
  resolve(verdicts: Verdict[]): void
  reject(error: unknown): void
}

/** Equal moves on one group of states, one after the other. */
interface Run {
  readonly move: Move
  readonly cost: number
  readonly extra: Micros
  readonly waiters: Waiter[]
}

interface Group {
  readonly names: string[]
  readonly runs: Run[]
}

/**
 * Moves of one list of rules, gathered during one turn of the event loop and sent together: equal moves on one key as one
 * run, many keys in one call. The order of arrival stays, for each key. Nobody waits for a timer.
 */
export class Batch {
  readonly #script: Script
  readonly #params: string[]
  readonly #size: number
  readonly #groups = new Map<string, Group>()

  constructor(script: Script, rules: readonly Rule[], clock: Clock | undefined) {
    this.#script = script
    this.#params = paramsOf(rules)
    if (clock !== undefined) this.#params.unshift(String(Math.round(clock.now() * 1000)))
    this.#size = rules.length
  }

  add(names: string[], move: Move, cost: number, extra: Micros, waiter: Waiter): void {
    const id = names.length === 1 ? (names[0] as string) : names.join('\n')
    let group = this.#groups.get(id)
    if (group === undefined) {
      group = { names, runs: [] }
      this.#groups.set(id, group)
    }
    const last = group.runs.at(-1)
    // A reservation that may have to wait gets a place of its own, so it stays a run of its own.
    const mergeable = move === 'reserve' && extra === 0
    if (mergeable && last?.move === move && last.cost === cost && last.extra === 0) {
      last.waiters.push(waiter)
    } else {
      group.runs.push({ move, cost, extra, waiters: [waiter] })
    }
  }

  /** Sends all that was gathered. */
  send(run: RunScript): void {
    const groups = [...this.#groups.values()]
    const most = Math.max(1, Math.floor(MOST_STATES / this.#size))
    for (let i = 0; i < groups.length; i += most) this.#call(run, groups.slice(i, i + most))
  }

  #call(run: RunScript, groups: Group[]): void {
    const keys: string[] = []
    const args = [...this.#params]
    for (const { names, runs } of groups) {
      keys.push(...names)
      args.push(String(runs.length))
      for (const { move, cost, extra, waiters } of runs) {
        args.push(
          String(MOVES[move]),
          String(cost),
          String(Math.min(extra, NEVER)),
          String(waiters.length),
        )
      }
    }
    run(this.#script, keys, args).then(
      (reply) => this.#settle(groups, reply as (number | string)[]),
      (error) => {
        for (const { runs } of groups) {
          for (const { waiters } of runs) for (const waiter of waiters) waiter.reject(error)
        }
      },
    )
  }

  #settle(groups: Group[], reply: (number | string)[]): void {
    let at = 0
    const next = () => Number(reply[at++])
    for (const { runs } of groups) {
      for (const { cost, waiters } of runs) {
        const granted = next()
        const last: Verdict[] = []
        for (let i = 0; i < this.#size; i++) {
          last.push({ wait: endless(next()), remaining: next(), idleAfter: endless(next()) })
        }
        if (waiters.length === 1) (waiters[0] as Waiter).resolve(last)
        else settleRun(waiters, granted, cost, last)
      }
    }
  }
}

/** Tells each of a run its verdict: the first ones were granted, with what was left then; the others were denied alike. */
function settleRun(waiters: Waiter[], granted: number, cost: number, last: Verdict[]): void {
  for (const [i, waiter] of waiters.entries()) {
    if (i >= granted) waiter.resolve(last)
    else {
      const after = (granted - 1 - i) * cost
      waiter.resolve(
        last.map(({ remaining, idleAfter }) => ({
          wait: 0,
          remaining: remaining + after,
          idleAfter,
        })),
      )
    }
  }
}

function endless(micros: Micros): Micros {
  return micros >= NEVER ? Infinity : micros <= -NEVER ? -Infinity : micros
}
