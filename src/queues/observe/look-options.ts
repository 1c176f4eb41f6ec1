import * as check from '../../core/check.ts'
import { describe, OptionTypeError } from '../../core/errors.ts'
import {
  DEAD_BY_ERROR_OPTIONS,
  type DeadByErrorOptions,
  GROUPS_OPTIONS,
  type GroupsOptions,
  LIST_OPTIONS,
  type ListOptions,
  REDRIVE_OPTIONS,
  type RedriveOptions,
} from '../job.ts'

/** How many different errors `deadByError` tells of at most. */
export const MOST_ERRORS = 100

const STATES = ['waiting', 'delayed', 'running', 'dead', 'completed'] as const

/** A page of the jobs in one state. */
export interface Listing {
  readonly state: ListOptions['state']
  readonly limit: number
  /** Where the page before ended. */
  readonly cursor: string | undefined
}

/** How many groups are told, the longest ones, and among how many. */
export interface GroupsLook {
  readonly limit: number
  readonly among: number
}

/** What `queue.jobs` was asked, checked. Whether a cursor is one that was given, only the store knows. */
export function toListing(options: ListOptions): Listing {
  check.known('queue.jobs', options, LIST_OPTIONS)
  const { limit = 100, cursor } = options
  const state = check.oneOf('state', options.state, STATES)
  if (cursor !== undefined) check.string('cursor', cursor)
  return { state, limit: check.integer('limit', limit, 1), cursor }
}

/** What `queue.groups` was asked, checked. */
export function toGroupsLook(options: GroupsOptions): GroupsLook {
  check.known('queue.groups', options, GROUPS_OPTIONS)
  const { limit = 20, among } = options
  return {
    limit: check.integer('limit', limit, 1),
    among: among === undefined ? Infinity : check.integer('among', among, 1),
  }
}

/** Among how many of the jobs that died last `queue.deadByError` looks, checked. */
export function toDeathsLook(options: DeadByErrorOptions): number {
  check.known('queue.deadByError', options, DEAD_BY_ERROR_OPTIONS)
  const { latest } = options
  return latest === undefined ? Infinity : check.integer('latest', latest, 1)
}

/** Which dead jobs are meant by `queue.redrive`, checked. */
export function checkRedrive(options: RedriveOptions): void {
  check.known('queue.redrive', options, REDRIVE_OPTIONS)
  const { ids, limit, error, latest } = options
  if (ids !== undefined && !Array.isArray(ids)) {
    throw new OptionTypeError('ids', `ids must be an array, got ${describe(ids)}`)
  }
  for (const id of ids ?? []) check.text('ids', id)
  if (limit !== undefined) check.integer('limit', limit, 0)
  if (error !== undefined) check.string('error', error)
  if (latest !== undefined) check.integer('latest', latest, 1)
}
