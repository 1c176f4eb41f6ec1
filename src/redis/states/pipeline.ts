import type { Clock } from '../../core/clock.ts'
import type { Micros } from '../../core/duration.ts'
import type { Rule } from '../../core/rule.ts'
import type { AboutHold, Move, RemoteLedger, Verdict } from '../../core/storage.ts'
import { tagOf } from '../key-name.ts'
import type { ScriptRunner } from '../scripts/script-runner.ts'
import { Batch } from './batch.ts'
import { Route } from './route.ts'

/** Gathers the moves of one turn of the event loop, over all ledgers of a storage, and sends them when the turn is over. */
export class Pipeline {
  /** True where the keys of one call have to lie in one slot. */
  readonly cluster: boolean
  readonly #prefix: string
  readonly #clock: Clock | undefined
  readonly #runner: ScriptRunner
  #sends: (() => void)[] = []
  /** The batches of composites. */
  #joint = new Map<string, Batch>()
  #turn = 0

  /** @param clock instead of the server's time */
  constructor(prefix: string, cluster: boolean, clock: Clock | undefined, runner: ScriptRunner) {
    this.#prefix = prefix
    this.cluster = cluster
    this.#clock = clock
    this.#runner = runner
  }

  /** Counts the turns of the event loop in which this storage was asked for something: calls of one turn have one number. */
  get turn(): number {
    return this.#turn
  }

  /** True when the states of these keys can be moved in one trip. */
  joins(keys: readonly string[]): boolean {
    if (!this.cluster || keys.length === 1) return true
    const tag = tagOf(keys[0] ?? '')
    return keys.every((key) => tagOf(key) === tag)
  }

  route(ledgers: readonly RemoteLedger[], brought?: readonly (Rule | undefined)[]): Route {
    const time = this.#clock === undefined ? 'server' : 'caller'
    return new Route(this.#prefix, ledgers, time, brought)
  }

  /** A batch that is sent when this turn of the event loop is over. */
  begin(route: Route): Batch {
    this.#runner.checkOpen()
    if (this.#sends.length === 0) setImmediate(() => this.#send())
    const batch = new Batch(route.rules)
    this.#sends.push(() =>
      batch.send(route.names, (program, keys, moves) => {
        const now = this.#clock && [String(Math.round(this.#clock.now() * 1000))]
        const args = [...(now ?? []), ...route.params(this.#clock), ...moves]
        return this.#runner.run(route.script(program), keys, args)
      }),
    )
    return batch
  }

  /** As {@link RemoteStorage.runAll}. */
  runAll(
    move: Move,
    ledgers: readonly RemoteLedger[],
    keys: readonly string[],
    cost: number | readonly number[],
    extra: Micros,
    brought: readonly (Rule | undefined)[] = [],
    about?: AboutHold,
  ): Promise<Verdict[]> {
    return new Promise((resolve, reject) => {
      this.#runner.checkOpen()
      const slot = this.cluster ? tagOf(keys[0] ?? '') : ''
      const lists = ledgers.map(({ rule, scope }, i) => {
        const { kind, params } = brought[i] ?? rule
        return [kind, params, scope]
      })
      const name = JSON.stringify([slot, lists])
      let batch = this.#joint.get(name)
      if (batch === undefined) {
        batch = this.begin(this.route(ledgers, brought))
        this.#joint.set(name, batch)
      }
      batch.add(JSON.stringify(keys), keys, move, cost, extra, { resolve, reject }, about)
    })
  }

  #send(): void {
    const sends = this.#sends
    this.#sends = []
    this.#joint = new Map()
    this.#turn += 1
    for (const send of sends) send()
  }
}
