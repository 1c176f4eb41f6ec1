import type { Millis } from '../core/duration.ts'
import { LeaseLostError } from '../core/errors.ts'
import { Heartbeat } from './heartbeat.ts'
import { Inheritance } from './inheritance.ts'
import { LeadershipGap } from './leadership-gap.ts'
import type { Run } from './run.ts'
import type { SkipReason } from './schedule-types.ts'
import type { SlotClaim, SlotKeeper } from './slot-keeper.ts'
import type { Surroundings } from './surroundings.ts'

/** What of a job is needed here. */
export interface TurnsOf {
  readonly name: string
  /** Does it make up for slots that were missed? */
  readonly catchUp: boolean
  /** Does this process lead now? */
  leads(): boolean
  /** The first slot later than `after`. */
  next(after: Millis): Millis | undefined
  /** Nobody has run the slots from `first` to `last`. `by` is about to make up for them; otherwise another run has to. */
  missed(first: Millis, last: Millis, by: Run | undefined): void
  /** Can it run one more now? */
  ready(): boolean
  /** Begins a late run of a slot, by `work`, which does not reject. */
  begin(slot: Date, work: (run: Run) => Promise<void>): void
  execute(run: Run): Promise<void>
  skip(run: Run, reason: SkipReason): void
  report(error: unknown): void
}

/** Which slots of one job are this process's to run, where a fleet shares them. */
export class Turns {
  readonly #job: TurnsOf
  readonly #slots: SlotKeeper
  readonly #around: Surroundings
  /** Of slots that other processes have taken. */
  readonly #inheritance: Inheritance | undefined
  readonly #gap: LeadershipGap

  constructor(job: TurnsOf, slots: SlotKeeper, around: Surroundings) {
    this.#job = job
    this.#slots = slots
    this.#around = around
    this.#gap = new LeadershipGap(job, slots, around)
    // Whoever wants no late runs of his own wants none of others.
    if (slots.heirs === undefined || !job.catchUp) return
    this.#inheritance = new Inheritance(job.name, slots.heirs, slots.keeps, around, {
      ready: () => job.ready(),
      inherit: (slot, claim, taken) =>
        job.begin(new Date(slot), (run) => this.#keep(run, claim, taken)),
      report: (error) => job.report(error),
    })
  }

  /** The latest slot that was taken, by whomever. */
  async last(): Promise<Millis | undefined> {
    const last = await this.#slots.last(this.#job.name)
    // Whoever took it may have died with all the others.
    if (last !== undefined) this.#inheritance?.watch(last)
    return last
  }

  /** From now on slots may be taken, and taken over. */
  begin(): void {
    this.#inheritance?.begin()
  }

  /** Takes over no more. */
  end(): void {
    this.#inheritance?.end()
    this.#gap.end()
  }

  /** A slot has come, and it is the leader's, which this process is not. */
  pass(slot: Date): void {
    this.#gap.pass(slot.getTime())
  }

  /** Runs it if the slot is nobody else's. */
  async run(run: Run): Promise<void> {
    const { clock, wall } = this.#around
    const { name } = this.#job
    const slot = run.slot.getTime()
    if (wall() - slot > this.#slots.keeps) return this.#job.skip(run, 'forgotten')
    await this.#gap.settle(run)
    const taken = clock.now()
    let claim: SlotClaim | boolean
    try {
      claim = await this.#slots.claim(name, slot)
    } catch (error) {
      this.#job.report(error)
      return this.#job.skip(run, 'unknown')
    }
    if (claim === false) {
      this.#inheritance?.watch(slot)
      return this.#job.skip(run, 'taken')
    }
    if (claim !== true) return this.#keep(run, claim, taken)
    // The scheduler may have lost patience while the storage was asked: the slot is taken, and nobody will run it.
    if (run.aborted) this.#aborted(run)
    else await this.#job.execute(run)
  }

  /** Runs what another one runs if we die. */
  async #keep(run: Run, claim: SlotClaim, taken: Millis): Promise<void> {
    const { clock } = this.#around
    const term = this.#slots.heirs?.term ?? Infinity
    // The storage may have taken so long to answer that another one has it.
    const late = clock.now() - taken >= term
    if (run.aborted || late) {
      if (run.aborted) this.#aborted(run)
      else this.#job.skip(run, 'unknown')
      return claim.giveUp().catch((error: unknown) => this.#job.report(error))
    }
    const lost = () =>
      run.abort(new LeaseLostError(this.#job.name, run.slot.getTime(), 'was not renewed in time'))
    const heartbeat = new Heartbeat(claim, term, taken, clock, lost, (error) =>
      this.#job.report(error),
    )
    await this.#job.execute(run)
    await heartbeat.finish()
  }

  #aborted(run: Run): void {
    this.#around.events.emit('aborted', { ...run.record, error: undefined })
  }
}
