import type { Rule } from '../../core/rule.ts'
import type { Hold } from '../../core/storage.ts'
import type { CallOptions } from './call-options.ts'

/** What a call has brought, read: the rule that judges it instead of the limiter's own. */
export interface Terms {
  /** The share of the limit that the call may fill. */
  readonly share: number
  /** Of a limiter with one rule: the rule that judges the call. */
  readonly rule: Rule | undefined
  /** No quota at all, or one of 0: neither is counted. */
  readonly bound: 'counted' | 'unlimited' | 'closed'
  /** Of a composite: the terms of its members, in their order. */
  readonly members: readonly (Terms | undefined)[] | undefined
  /** Of a composite: the keys of its members, in their order, where they do not follow from the key of the call. */
  readonly keys: readonly string[] | undefined
  /** Of a composite: what the call costs its members, in their order, where that does not follow from its cost. */
  readonly prices: readonly number[] | undefined
  /** What the call brought beside its cost, to hand it on. */
  readonly brought: CallOptions
  /** Of a reservation: its number and time. */
  readonly hold: Hold | undefined
}

/** The terms of a call that brings nothing beside its cost. */
export const NO_TERMS: Terms = {
  share: 1,
  rule: undefined,
  bound: 'counted',
  members: undefined,
  keys: undefined,
  prices: undefined,
  brought: {},
  hold: undefined,
}

/** The same terms, of a call that is to be settled. */
export function withHold(terms: Terms | undefined, hold: Hold): Terms {
  const { share, rule, bound, members, keys, prices, brought } = terms ?? NO_TERMS
  return { share, rule, bound, members, keys, prices, brought, hold }
}
