import type { Micros } from '../../core/duration.ts'
import type { Rule } from '../../core/rule.ts'
import type {
  AboutHold,
  Move,
  RemoteLedger,
  RemoteStorage,
  Verdict,
  Watch,
} from '../../core/storage.ts'
import type { Heard } from '../client/wake-hub.ts'
import { tagOf } from '../key-name.ts'
import type { Batch } from './batch.ts'
import type { Lender, Lent } from './lender.ts'
import type { Pipeline } from './pipeline.ts'
import type { Names, Route } from './route.ts'

/** The parts of its storage that a ledger uses, besides the pipeline. */
export interface ListeningStorage extends RemoteStorage {
  listen(channel: string, listener: Heard): Watch
}

/** One rule's states in Redis. */
export class RedisLedger implements RemoteLedger, Lender {
  readonly storage: ListeningStorage
  readonly scope: string
  rule: Rule
  readonly #pipeline: Pipeline
  #route: Route
  /** The routes of rules that calls brought with a `quota`. */
  #routes = new WeakMap<Rule, Route>()
  /** The batches of this turn of the event loop, by slot, and the batches for rules that calls brought with a `quota`. */
  #batches = new Map<string, Batch>()
  #brought = new Map<Rule, Map<string, Batch>>()
  #turn = -1

  constructor(storage: ListeningStorage, pipeline: Pipeline, scope: string, rule: Rule) {
    this.storage = storage
    this.#pipeline = pipeline
    this.scope = scope
    this.rule = rule
    this.#route = pipeline.route([this])
  }

  run(
    move: Move,
    key: string,
    cost: number,
    extra: Micros,
    rule?: Rule,
    about?: AboutHold,
  ): Promise<Verdict> {
    return new Promise((resolve, reject) => {
      const waiter = { resolve: (verdicts: Verdict[]) => resolve(verdicts[0] as Verdict), reject }
      this.#batch(key, rule).add(key, undefined, move, cost, extra, waiter, about)
    })
  }

  lend(key: string, cost: number, want: number): Promise<Lent> {
    return new Promise((resolve, reject) => {
      this.#batch(key).add(key, undefined, 'lend', cost, want, {
        resolve: (verdicts, tokens) => {
          const { wait, remaining, idleAfter } = verdicts[0] as Verdict
          const verdict = { wait: Math.min(wait, 0), remaining, idleAfter }
          resolve({ verdict, tokens, at: Math.max(wait, 0) })
        },
        reject,
      })
    })
  }

  takeBack(key: string, rest: number, at: Micros): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#batch(key).add(key, undefined, 'return', rest, at, { resolve: () => resolve(), reject })
    })
  }

  watch(key: string, freed: () => void): Watch {
    const [nameOf] = this.#route.names
    // The driver publishes on the name of the state.
    return this.storage.listen((nameOf as Names[number])(key), freed)
  }

  reconfigure(rule: Rule): void {
    this.rule = rule
    this.#route = this.#pipeline.route([this])
    // Calls before this go by the old numbers, calls from now on by the new ones.
    this.#turn = -1
  }

  #batch(key: string, rule?: Rule): Batch {
    const pipeline = this.#pipeline
    if (this.#turn !== pipeline.turn) {
      this.#turn = pipeline.turn
      this.#batches = new Map()
      if (this.#brought.size > 0) this.#brought = new Map()
    }
    const slot = pipeline.cluster ? tagOf(key) : ''
    const batches = rule === undefined ? this.#batches : this.#batchesOf(rule)
    let batch = batches.get(slot)
    if (batch === undefined) {
      batch = pipeline.begin(rule === undefined ? this.#route : this.#routeOf(rule))
      batches.set(slot, batch)
    }
    return batch
  }

  #batchesOf(rule: Rule): Map<string, Batch> {
    let batches = this.#brought.get(rule)
    if (batches === undefined) {
      batches = new Map()
      this.#brought.set(rule, batches)
    }
    return batches
  }

  /** The same states, with the numbers of another rule. */
  #routeOf(rule: Rule): Route {
    let route = this.#routes.get(rule)
    if (route === undefined) {
      route = this.#pipeline.route([this], [rule])
      this.#routes.set(rule, route)
    }
    return route
  }
}
