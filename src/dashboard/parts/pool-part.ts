import type { Millis } from '../../core/duration.ts'
import type { WorkerPool } from '../../workers/pool.ts'
import type { PoolState } from '../state.ts'
import { secondOf } from './moment.ts'
import { Rate } from './rate.ts'

/** A pool of workers, as the dashboard shows it. */
export class PoolPart {
  readonly pool: WorkerPool
  readonly #done = new Rate()

  constructor(pool: WorkerPool) {
    this.pool = pool
  }

  sample(now: Millis): PoolState {
    const { workers, minWorkers, maxWorkers, running, waiting, completed, failed, resized } =
      this.pool.stats()
    const done = this.#done.push(completed + failed, now)
    return {
      workers,
      min: minWorkers,
      max: maxWorkers,
      running,
      waiting,
      ...(done !== undefined && { done }),
      ...(resized !== undefined && {
        resized: { at: secondOf(now, resized.ago), from: resized.from, to: resized.to },
      }),
    }
  }
}
