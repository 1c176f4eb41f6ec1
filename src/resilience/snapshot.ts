import { between, integer, known, oneOf } from '../core/check.ts'
import { BREAKER_SNAPSHOT, type BreakerSnapshot } from './breaker-types.ts'

/** @throws OptionTypeError | OptionRangeError naming what a breaker cannot go on from */
export function checkSnapshot(snapshot: BreakerSnapshot, halfOpenCalls: number): void {
  known('breaker.import', snapshot, BREAKER_SNAPSHOT, 'snapshot')
  oneOf('snapshot.state', snapshot.state, ['closed', 'open', 'half_open', 'isolated'])
  integer('snapshot.trips', snapshot.trips, 0)
  between('snapshot.retryAfter', snapshot.retryAfter, 0, Number.MAX_SAFE_INTEGER / 1e6)
  integer('snapshot.passed', snapshot.passed, 0)
  const { failuresInARow } = snapshot
  if (failuresInARow !== undefined) integer('snapshot.failuresInARow', failuresInARow, 0)
  between('snapshot.passed', snapshot.passed, 0, halfOpenCalls - 1)
}
