import type { Millis } from '../../core/duration.ts'
import type { StoredState } from '../../queues/store/job-record.ts'
import type { Claim, Ending, JobDraft, Settlement } from '../../queues/store/job-store.ts'
import { ensure, ensureSame } from '../law.ts'
import { itemsOf, type StoreDriver } from './driver.ts'
import { drawDraft, drawEnding } from './model-draws.ts'
import type { Chance, ModelPlan } from './model-plan.ts'
import type { PlainJob, Process } from './plain-job.ts'
import { PlainJobs } from './plain-jobs.ts'
import { countsOf } from './plain-views.ts'

/** A claim, as the store and as the model gave it. */
interface Pair {
  readonly real: Claim
  readonly model: Claim
  readonly job: PlainJob<unknown>
}

const NOBODY: Process = { hear() {}, deliver() {} }
const STATES: readonly StoredState[] = ['waiting', 'delayed', 'running', 'completed', 'dead']
/** Where a run begins by the clock of the model; only differences matter. */
const START: Millis = 1_000_000

/** How early a store may give up a claim of a second: its clock and that of its processes differ. */
const EARLY: Millis = 30

/** 0 for a job that has completed, 1 for all other endings. */
function rankOf({ ending }: { ending: Ending }): number {
  return ending.outcome === 'completed' ? 0 : 1
}

/** One run: the same calls of a store and of plain jobs, whose answers must be the same. */
export class ModelRun {
  readonly #driver: StoreDriver
  readonly #plan: ModelPlan
  readonly #chance: Chance
  readonly #model: PlainJobs
  /** Ids of the store, by the ids of the model. */
  readonly #ids = new Map<string, string>()
  readonly #claims: Pair[] = []
  readonly #dues = new Set<Millis>()
  #now = START
  #items = 0
  /** The calls so far, for the message of a failure. */
  readonly calls: string[] = []

  constructor(driver: StoreDriver, plan: ModelPlan, chance: Chance) {
    this.#driver = driver
    this.#plan = plan
    this.#chance = chance
    this.#model = new PlainJobs(plan.terms, () => this.#now)
  }

  async step(): Promise<void> {
    const { what } = this.#plan
    const chance = this.#chance
    const move = chance.pick([
      ...(['put', 'put', 'claim', 'claim', 'claim', 'settle', 'settle', 'settle'] as const),
      ...(['advance', 'extend', 'reprioritise', 'pause', 'redrive'] as const),
      // Whether these free an id that callers chose is not laid down.
      ...(what === 'ids' || what === 'unique' ? [] : (['cancel', 'remove', 'clear'] as const)),
    ])
    this.#model.catchUp()
    if (move === 'put') await this.#put()
    else if (move === 'claim') await this.#claim()
    else if (move === 'settle') await this.#settle()
    else if (move === 'extend') await this.#extend()
    else if (move === 'advance') await this.#advance()
    else if (move === 'pause') await this.#pause()
    else if (move === 'clear') await this.#clear()
    else await this.#command(move)
  }

  async #put(): Promise<void> {
    const chance = this.#chance
    const drafts = Array.from({ length: 1 + chance.number(4) }, () => this.#draft())
    const overflow = chance.once(4) ? 'drop-oldest' : 'refuse'
    const room = { maxSize: this.#plan.maxSize, overflow } as const
    this.#call('insert', ...drafts.map((one) => `${one.item}${one.id ? ` as ${one.id}` : ''}`))
    const real = await this.#driver.store.insert(drafts, room)
    const model = this.#model.insert(drafts, room, NOBODY)
    for (const [i, answer] of model.entries()) {
      ensureSame(real[i]?.state, answer.state, `state of draft ${i}`)
      if (answer.state === 'full') continue
      if (answer.state !== 'duplicate') this.#ids.set(answer.id, real[i]?.id ?? '')
      ensureSame(real[i]?.id, this.#real(answer.id), `id of draft ${i}`)
    }
  }

  #draft(): JobDraft {
    this.#items += 1
    return drawDraft(this.#chance, this.#plan, this.#items, () => this.#delay())
  }

  /** A delay that comes due when nothing else does. */
  #delay(): Millis {
    let delay = 1 + 2 * this.#chance.number(200)
    while (this.#dues.has(this.#now + delay)) delay += 2
    this.#dues.add(this.#now + delay)
    return delay
  }

  async #claim(): Promise<void> {
    const max = 1 + this.#chance.number(4)
    const lease = this.#chance.pick(this.#plan.leases)
    this.#call('claim', max, lease)
    const claims = await this.#driver.store.claim(max, lease)
    ensure(claims.length <= max, `${claims.length} claims, asked for ${max}`)
    for (const real of claims) this.#take(real, lease)
    if (claims.length < max) {
      const left = this.#model.startable()
      ensureSame(
        left.map(({ item }) => item).join(),
        '',
        'jobs that could start and were not claimed',
      )
    }
    await this.#look()
  }

  /** The job must be one that may come now: the first of all, or of its group. */
  #take(real: Claim, lease: Millis): void {
    const startable = this.#model.startable()
    const first = startable.find(({ group }) => group === real.record.group)
    ensure(first !== undefined, `claimed ${itemsOf([real])}, and nothing of its group may start`)
    ensureSame(real.record.item, first.item, 'item of a claim')
    const model = this.#model.start(first, lease, NOBODY)
    ensureSame(real.record.id, this.#real(first.id), 'id of a claim')
    ensureSame(real.record.failures, first.failures, `failures of ${first.item}`)
    ensureSame(real.suspect ?? false, model.suspect ?? false, `suspicion of ${first.item}`)
    const older = this.#claims.filter(({ job }) => job === first)
    for (const {
      real: { delivery },
    } of older) {
      ensure(
        real.delivery > delivery,
        `delivery ${real.delivery} of ${first.item} after ${delivery}`,
      )
    }
    this.#claims.push({ real, model, job: first })
  }

  async #settle(): Promise<void> {
    const ends = Array.from({ length: 1 + this.#chance.number(3) }, () => this.#pair())
      .filter((pair) => pair !== undefined)
      .map((pair) => ({ pair, ending: drawEnding(this.#chance, this.#items, () => this.#delay()) }))
    // A store may end the completed jobs first. Of two jobs that begin again after one call, either may then stand first.
    if (this.#plan.what === 'unique') ends.sort((a, b) => rankOf(a) - rankOf(b))
    this.#call(
      'settle',
      ...ends.map(({ pair, ending }) => `${itemsOf([pair.real])} ${ending.outcome}`),
    )
    const of = (side: 'real' | 'model'): Settlement[] =>
      ends.map(({ pair, ending }) => ({ claim: pair[side], ending }))
    const real = await this.#driver.store.settle(of('real'))
    ensureSame(real.join(), this.#model.settle(of('model')).join(), 'answers of settle')
  }

  /** A claim, held or not; more often one of the latest. */
  #pair(): Pair | undefined {
    const { length } = this.#claims
    const back = this.#chance.number(this.#chance.once(3) ? length : Math.min(length, 6))
    return this.#claims[length - 1 - back]
  }

  async #extend(): Promise<void> {
    const pair = this.#pair()
    if (pair === undefined) return
    const lease = this.#chance.pick(this.#plan.leases)
    this.#call('extend', itemsOf([pair.real]), lease)
    const [real] = await this.#driver.store.extend([pair.real], lease)
    ensureSame(real, this.#model.extend([pair.model], lease)[0], 'answer of extend')
  }

  async #advance(): Promise<void> {
    let time = this.#chance.pick([2, 10, 50, 200, 1000, 3000])
    while (this.#leavesDoubt(time)) time += EARLY
    this.#call('advance', time)
    this.#now += time
    await this.#driver.advance(time)
    this.#model.catchUp()
    // What time has brought a store may notice with the next claim only.
    await this.#claim()
  }

  /** True when a claim would then be so near to its end that a store may have given it up. */
  #leavesDoubt(time: Millis): boolean {
    return this.#model.inState('running').some(({ holder }) => {
      const left = (holder?.until ?? Infinity) - this.#now - time
      return left > 0 && left <= EARLY
    })
  }

  async #pause(): Promise<void> {
    this.#call('pause')
    await this.#driver.store.pause(true)
    await this.#driver.none('while the queue is paused')
    await this.#driver.store.pause(false)
  }

  async #clear(): Promise<void> {
    if (!this.#chance.once(3)) return
    this.#call('clear')
    const real = await this.#driver.store.clear()
    const sorted = (items: readonly unknown[]) =>
      items
        .map(Number)
        .sort((a, b) => a - b)
        .join()
    ensureSame(sorted(real), sorted(this.#model.clear()), 'items of clear')
  }

  async #command(verb: 'cancel' | 'remove' | 'reprioritise' | 'redrive'): Promise<void> {
    const { store } = this.#driver
    const model = this.#model
    const job = this.#job(verb === 'redrive' ? ['dead'] : STATES)
    if (job === undefined) return
    const { id } = job
    const real = this.#real(id)
    const priority = this.#chance.pick([-1, 0, 2, 5])
    this.#call(verb, String(job.item), ...(verb === 'reprioritise' ? [priority] : []))
    if (verb === 'cancel') {
      ensureSame(await store.cancel(real, 'enough'), model.cancel(id, 'enough'), 'cancel')
    } else if (verb === 'remove') {
      ensureSame(await store.remove(real), model.remove(id), 'remove')
    } else if (verb === 'reprioritise') {
      const answer = model.reprioritise(id, priority)
      ensureSame(await store.reprioritise(real, priority), answer, 'reprioritise')
    } else {
      ensureSame(await store.redrive({ ids: [real] }), model.redrive({ ids: [id] }), 'redrive')
    }
  }

  #job(states: readonly StoredState[]): PlainJob<unknown> | undefined {
    const jobs = this.#model.inState(...states)
    return jobs[this.#chance.number(jobs.length)]
  }

  /** Compares all that can be seen. */
  async #look(): Promise<void> {
    const { store } = this.#driver
    const real = await store.counts()
    const model = countsOf(this.#model)
    for (const name of ['waiting', 'delayed', 'running', 'dead', 'completed', 'failed'] as const) {
      ensureSame(real[name], model[name], `counts say of ${name}`)
    }
    for (const state of STATES) {
      const listed = await this.#driver.listed(state, 4)
      const sorted = (jobs: readonly { item: unknown }[]) =>
        jobs
          .map(({ item }) => Number(item))
          .sort((a, b) => a - b)
          .join()
      ensureSame(sorted(listed), sorted(this.#model.inState(state)), `items listed as ${state}`)
    }
    for (const [id, realId] of this.#someIds(5)) {
      const job = this.#model.find(id)
      const stored = await store.get(realId)
      ensureSame(stored?.state, job?.state, `state of ${realId}`)
      ensureSame(stored?.failures, job?.failures, `failures of ${realId}`)
      ensureSame(stored?.priority, job?.priority, `priority of ${realId}`)
    }
    await this.#lookAtOutcome()
  }

  async #lookAtOutcome(): Promise<void> {
    const [one] = this.#someIds(1)
    if (one === undefined) return
    const [id, realId] = one
    const real = await this.#driver.store.outcome(realId)
    const model = this.#model.outcome(id, NOBODY)
    // A store may know more than it must: the result of a job that was not asked for.
    if (model?.state === 'gone')
      ensure(real !== undefined, `no outcome of ${realId}, which is gone`)
    else ensureSame(real?.state, model?.state, `outcome of ${realId}`)
  }

  #someIds(count: number): [string, string][] {
    const ids = [...this.#ids]
    if (ids.length <= count) return ids
    return Array.from({ length: count }, () => this.#chance.pick(ids))
  }

  #real(id: string): string {
    return this.#ids.get(id) ?? id
  }

  #call(verb: string, ...what: (string | number)[]): void {
    this.calls.push(`${verb}(${what.join(', ')})`)
  }
}
