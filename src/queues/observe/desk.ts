import type {
  DeadJobsByError,
  GroupInfo,
  QueueCounts,
  QueuedJobInfo,
  RedriveOptions,
} from '../job.ts'
import type { GroupsLook, Listing } from './look-options.ts'

/** Where operators look at the jobs of a queue, and act on them by their ids: jobs in this process, or in a storage. Arguments are checked before. */
export interface Desk {
  counts(): Promise<QueueCounts>
  job<T, R>(id: string): Promise<QueuedJobInfo<T, R> | undefined>
  list<T, R>(listing: Listing): Promise<{ jobs: QueuedJobInfo<T, R>[]; cursor?: string }>
  groups(look: GroupsLook): Promise<GroupInfo[]>
  /** How often dead jobs have which error. @param latest among how many of the jobs that died last */
  deaths(latest: number): Promise<DeadJobsByError[]>
  cancel(id: string, reason: unknown): Promise<boolean>
  remove(id: string): Promise<boolean>
  redrive(options: RedriveOptions): Promise<number>
}
