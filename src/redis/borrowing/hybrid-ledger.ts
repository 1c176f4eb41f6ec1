import type { BackgroundTasks } from '../../core/background-tasks.ts'
import type { Micros, Millis } from '../../core/duration.ts'
import { ClosedError } from '../../core/errors.ts'
import type { LeaseClock, Moment } from '../../core/lease-clock.ts'
import type { Drain, Rule } from '../../core/rule.ts'
import type {
  AboutHold,
  Move,
  RemoteLedger,
  RemoteStorage,
  Verdict,
  Watch,
} from '../../core/storage.ts'
import type { Lender, Lent } from '../states/lender.ts'
import { type Account, Accounts } from './accounts.ts'
import { Denials } from './denials.ts'
import type { Sweepable, Sweeper } from './sweeper.ts'
import { TokenLease } from './token-lease.ts'

/** The parts that the ledgers of one storage share. */
export interface HybridContext {
  readonly clock: LeaseClock
  readonly sweeper: Sweeper
  /** Token leases on their way here, and back. Tokens that cannot be given back are lost; time brings them back in the bucket. */
  readonly tasks: BackgroundTasks
  readonly maxKeys: number
  readonly lease: Millis
  readonly maxDenial: Millis
  readonly strict: boolean
  closed: boolean
}

/**
 * The states of one rule in a lender, and the tokens borrowed from them: a `reserve` that does not wait is spent from a token lease while
 * there is one, and denied while a denial is remembered. The lender answers all other calls.
 *
 * Token leases are for rules that drain. A window has no pace at which a token lease could age, so it is asked about every call.
 */
export class HybridLedger implements RemoteLedger, Sweepable {
  readonly storage: RemoteStorage
  readonly #lender: Lender
  readonly #context: HybridContext
  readonly #clock: LeaseClock
  readonly #denials: Denials
  readonly #accounts: Accounts
  /** The accounts that hold token leases, or held some until now. */
  readonly #holding = new Map<string, Account>()

  constructor(storage: RemoteStorage, lender: Lender, context: HybridContext) {
    this.storage = storage
    this.#lender = lender
    this.#context = context
    this.#clock = context.clock
    this.#denials = new Denials(context.maxKeys, context.maxDenial)
    this.#accounts = new Accounts(context.maxKeys, context.clock, context.lease, (key, account) =>
      this.#end(key, account, 'back'),
    )
  }

  get rule(): Rule {
    return this.#lender.rule
  }

  get scope(): string {
    return this.#lender.scope
  }

  spend(key: string, cost: number): Verdict | undefined {
    const account = this.#accounts.find(key)
    if (account !== undefined) {
      const now = this.#clock.steady.now()
      if (account.leases.spend(cost, now)) {
        account.demand.count(cost, now)
        if (!account.lending && account.leases.isLow(now)) this.#refill(key, account, now)
        return fromLease(account, now)
      }
    }
    return this.#context.closed ? undefined : this.#denials.find(key, cost, this.#clock.steady)
  }

  run(
    move: Move,
    key: string,
    cost: number,
    extra: Micros,
    rule?: Rule,
    about?: AboutHold,
  ): Promise<Verdict> {
    if (this.#context.closed) return Promise.reject(new ClosedError('HybridStorage'))
    if (rule !== undefined || about !== undefined) {
      // Token leases were lent under other numbers, or a reservation may need their tokens: they go back.
      this.giveBack(key)
      if (move === 'refund' || move === 'settle') this.#denials.drop(key)
      else if (move !== 'peek') this.#denials.outdate(key)
      return this.#lender.run(move, key, cost, extra, rule, about)
    }
    if (move === 'reserve' && extra === 0) return this.#reserve(key, cost)
    if (move === 'peek') return this.#peek(key, cost)
    if (move === 'reserve') {
      // Unspent token leases go back first: a call waits only when they do not suffice.
      this.giveBack(key)
      this.#denials.outdate(key)
    } else {
      this.#denials.drop(key)
      if (move !== 'refund') this.#close(key, move === 'reset' ? 'void' : 'back')
    }
    return this.#lender.run(move, key, cost, extra)
  }

  watch(key: string, freed: () => void): Watch | undefined {
    return this.#lender.watch?.(key, freed)
  }

  reconfigure(rule: Rule): void {
    for (const [key] of this.#accounts.entries()) this.#close(key, 'back')
    this.#denials.clear()
    this.#lender.reconfigure(rule)
  }

  /** Gives the token leases of `key` back. */
  giveBack(key: string): void {
    const account = this.#accounts.find(key)
    if (account !== undefined) this.#return(key, account.leases.surrender())
  }

  sweep(): boolean {
    for (const [key, account] of this.#holding) {
      this.#return(key, account.leases.sweep())
      if (account.leases.empty) this.#holding.delete(key)
    }
    return this.#holding.size > 0
  }

  end(): void {
    for (const [key] of this.#holding) this.#close(key, 'back')
    this.#holding.clear()
  }

  get #drain(): Drain | undefined {
    return this.#context.strict ? undefined : this.#lender.rule.drain
  }

  #reserve(key: string, cost: number): Promise<Verdict> {
    const spent = this.spend(key, cost)
    if (spent !== undefined) return Promise.resolve(spent)
    if (this.#drain === undefined) return this.#ask(key, undefined, cost, false, 0)
    const now = this.#clock.steady.now()
    const account = this.#accounts.open(key, now)
    const want = account.lending ? 0 : account.demand.size(now)
    account.demand.count(cost, now)
    this.#return(key, account.leases.dead())
    return this.#ask(key, account, cost, true, want)
  }

  async #peek(key: string, cost: number): Promise<Verdict> {
    const verdict = await this.#lender.run('peek', key, cost, 0)
    const held = this.#accounts.find(key)?.leases.alive() ?? 0
    if (held === 0) return verdict
    const { wait, remaining, idleAfter } = verdict
    // There are enough tokens, and the call was denied: the key is blocked.
    if (wait < 0 && remaining >= cost) return verdict
    const enough = wait >= 0 || remaining + held >= cost
    const { interval } = this.#drain as Drain
    return {
      wait: enough ? Math.max(0, wait) : Math.min(-1, Math.floor(wait + held * interval)),
      remaining: remaining + held,
      idleAfter,
    }
  }

  /** Asks the lender, and also for a token lease where the demand is large enough. */
  #ask(
    key: string,
    account: Account | undefined,
    cost: number,
    first: boolean,
    want: number,
  ): Promise<Verdict> {
    const asked = this.#clock.moment()
    const { drops } = this.#denials
    const answer =
      account !== undefined && want > 0
        ? this.#borrow(key, account, cost, want, asked)
        : this.#lender.run('reserve', key, cost, 0)
    return answer.then((verdict) => {
      const held = account === undefined ? 0 : account.leases.alive()
      if (verdict.wait >= 0) {
        this.#denials.outdate(key)
        return held === 0 ? verdict : { ...verdict, remaining: verdict.remaining + held }
      }
      if (account !== undefined && held > 0) {
        // A token lease may have come meanwhile. Or there is one that is too small, but may be enough together with the tokens in Redis.
        const now = this.#clock.steady.now()
        if (account.leases.spend(cost, now)) return fromLease(account, now)
        if (first) {
          this.giveBack(key)
          return this.#ask(key, account, cost, false, 0)
        }
      }
      if (drops === this.#denials.drops) this.#denials.keep(key, cost, verdict, asked.steady)
      return verdict
    })
  }

  /** Asks for the next block while there are still tokens to spend, so that no call has to wait for it. */
  #refill(key: string, account: Account, now: Millis): void {
    const want = account.demand.size(now)
    if (want === 0 || now < account.dryUntil) return
    // A failure is not reported here: the next call that needs tokens asks by itself and gets the error.
    this.#borrow(key, account, 0, want, this.#clock.moment()).catch(() => {})
  }

  #borrow(
    key: string,
    account: Account,
    cost: number,
    want: number,
    asked: Moment,
  ): Promise<Verdict> {
    account.lending = true
    const answer = this.#lender.lend(key, cost, want).then(
      (lent) => {
        account.lending = false
        this.#land(key, account, lent, cost, want, asked)
        return lent.verdict
      },
      (error) => {
        account.lending = false
        throw error
      },
    )
    this.#context.tasks.add(answer)
    return answer
  }

  #land(
    key: string,
    account: Account,
    { verdict, tokens, at }: Lent,
    cost: number,
    want: number,
    asked: Moment,
  ): void {
    account.idleAt = asked.steady + verdict.idleAfter / 1000
    if (tokens === 0) {
      if (cost === 0) account.dryUntil = asked.steady - verdict.wait / 1000
      return
    }
    const lease = new TokenLease(tokens, at, asked, this.#context.lease, tokens === want)
    if (account.closed === 'void') return
    if (account.closed === 'back' || this.#context.closed) return this.#return(key, [lease])
    account.leases.add(lease)
    this.#holding.set(key, account)
    this.#return(key, account.leases.dead())
    this.#context.sweeper.watch(this)
  }

  #close(key: string, as: 'back' | 'void'): void {
    const account = this.#accounts.remove(key)
    if (account !== undefined) this.#end(key, account, as)
  }

  #end(key: string, account: Account, as: 'back' | 'void'): void {
    account.closed = as
    const leases = account.leases.surrender()
    if (as === 'back') this.#return(key, leases)
  }

  #return(key: string, leases: readonly TokenLease[]): void {
    for (const lease of leases) {
      const { interval } = this.#lender.rule.drain as Drain
      if (lease.worth(this.#clock, interval) <= 0) continue
      // This gives tokens back, so a denied call may pass now.
      this.#denials.drop(key)
      this.#context.tasks.add(this.#lender.takeBack(key, lease.left, lease.at))
    }
  }
}

/** The verdict about the tokens that were just spent. `remaining` is the rest of the token lease: other processes may take all else. */
function fromLease(account: Account, now: Millis): Verdict {
  return {
    wait: 0,
    remaining: account.leases.held,
    idleAfter: Math.max(0, (account.idleAt - now) * 1000),
  }
}
