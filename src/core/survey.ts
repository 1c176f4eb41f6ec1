/** What lives in a storage elsewhere, as far as its keys tell: for a dashboard. */
export interface Survey {
  readonly queues: readonly SurveyedQueue[]
  readonly leases: readonly SurveyedLease[]
  readonly schedules: readonly SurveyedSchedule[]
  /** Values whose key begins with a prefix: each key with its value. */
  readonly values: readonly (readonly [string, unknown])[]
  /** True where there were more keys than were looked through. */
  readonly partial: boolean
  readonly server: SurveyedServer
}

export interface SurveyedQueue {
  readonly name: string
  /** The kind that its last processes declared; '' where that is not known any more. */
  readonly kind: string
  /** The name of the codec that its items are written with; '' where that is not known any more. */
  readonly codec: string
  /** How many processes have it open: to put or to work. */
  readonly processes: number
  /** How many jobs are kept: waiting, delayed, running, dead and completed. */
  readonly jobs: number
}

export interface SurveyedLease {
  readonly name: string
  /** The fencing token that was given last. */
  readonly token: number
  /** Seconds for which it is held; 0 where it has ended. */
  readonly left: number
}

export interface SurveyedSchedule {
  readonly name: string
  /** The slot that was taken last, in milliseconds since 1970. */
  readonly last: number
}

export interface SurveyedServer {
  readonly version: string
  readonly memory: number
  readonly maxMemory: number
  readonly policy: string
  /** How many scripts it has run since it started, of all its clients; 0 where that is not told. */
  readonly scripts: number
}

/** A storage that can tell what lives in it. */
export interface Surveyable {
  /**
   * Looks through the keys of the storage, without blocking it.
   *
   * @param values what the keys of values begin with that are wanted too
   * @throws StorageDownError (rejects) where it cannot be asked
   */
  survey(values: readonly string[]): Promise<Survey>
}
