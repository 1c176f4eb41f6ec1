import type { Clock } from '../core/clock.ts'
import type { Rule } from '../core/rule.ts'
import { CompactLedger } from './compact-ledger.ts'
import { MAX_KEYS, RecordLedger } from './record-ledger.ts'

/** The ledger in memory that suits `rule`: one mark a key where it drains, its own numbers where it does not. */
export function memoryLedger(
  rule: Rule,
  clock: Clock,
  maxKeys: number = MAX_KEYS,
): CompactLedger | RecordLedger {
  return rule.drain
    ? new CompactLedger(rule, rule.drain, maxKeys, clock)
    : new RecordLedger(rule, clock, maxKeys)
}
