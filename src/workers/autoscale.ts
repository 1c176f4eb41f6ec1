import * as check from '../core/check.ts'
import { describe, OptionRangeError } from '../core/errors.ts'

/** When a {@link WorkerPool} adds and removes workers. */
export interface AutoscaleOptions {
  /** @default 1 */
  minWorkers?: number
  /** @default 10 */
  maxWorkers?: number
  /** Adds workers when at least this share of them is busy. @default 0.8 */
  scaleUpThreshold?: number
  /** Removes one worker when at most this share of them is busy. @default 0.2 */
  scaleDownThreshold?: number
  /**
   * Adds no workers while the event loop is busy for more than this share of the time: more tasks on a busy thread make all of them
   * slower.
   * @default 0.95
   */
  maxLoopUtilization?: number
}

export const AUTOSCALE_OPTIONS: check.OptionTable<AutoscaleOptions> = {
  minWorkers: true,
  maxWorkers: true,
  scaleUpThreshold: true,
  scaleDownThreshold: true,
  maxLoopUtilization: true,
}

/** The present load of a pool. */
export interface Load {
  workers: number
  busy: number
  waiting: number
  /** From 0 to 1. */
  loopUtilization: number
}

/** The rule: how many workers there should be. */
export type Autoscale = ((load: Load) => number) & { readonly min: number; readonly max: number }

/**
 * Grows to the number of tasks, and shrinks by one at a time. The load is the share of busy workers, not the number of waiting tasks:
 * when all workers are busy and no task waits, the number is right.
 */
export function toAutoscale(options: AutoscaleOptions): Autoscale {
  const { scaleUpThreshold = 0.8, scaleDownThreshold = 0.2, maxLoopUtilization = 0.95 } = options
  const { minWorkers = 1 } = options
  const min = check.integer('minWorkers', minWorkers, 1)
  const { maxWorkers = Math.max(10, min) } = options
  const max = check.integer('maxWorkers', maxWorkers, 1)
  if (min > max) {
    throw new OptionRangeError(
      'minWorkers',
      `minWorkers must be at most maxWorkers (${max}), got ${describe(min)}`,
    )
  }
  const up = check.between('scaleUpThreshold', scaleUpThreshold, 0, 1)
  const down = check.between('scaleDownThreshold', scaleDownThreshold, 0, 1)
  if (down >= up && options.scaleDownThreshold === undefined) {
    throw new OptionRangeError(
      'scaleUpThreshold',
      `scaleUpThreshold must be above scaleDownThreshold (${down}), got ${describe(up)}`,
    )
  }
  if (down >= up) {
    throw new OptionRangeError(
      'scaleDownThreshold',
      `scaleDownThreshold must be below scaleUpThreshold (${up}), got ${describe(down)}`,
    )
  }
  const most = check.between('maxLoopUtilization', maxLoopUtilization, 0, 1)
  const rule = ({ workers, busy, waiting, loopUtilization }: Load): number => {
    if (waiting > 0 && busy >= up * workers && loopUtilization <= most) {
      return Math.min(max, workers + waiting)
    }
    if (waiting === 0 && busy <= down * workers) return Math.max(min, workers - 1)
    return workers
  }
  return Object.assign(rule, { min, max })
}
