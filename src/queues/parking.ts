import type { QueuedJob } from './job.ts'
import type { Order } from './orders/order.ts'

/** The line of a key before the limiter. */
export interface Parking {
  readonly key: string
  readonly line: Order
  /** What ends the asking that is under way. */
  ask: AbortController | undefined
  /** For whose cost it asks. */
  asker: QueuedJob | undefined
}
