import * as check from '../../core/check.ts'
import { describe, OptionTypeError } from '../../core/errors.ts'
import {
  GROUPS_OPTIONS,
  type GroupsOptions,
  LIST_OPTIONS,
  type ListOptions,
  REDRIVE_OPTIONS,
  type RedriveOptions,
} from '../job.ts'

const STATES = ['waiting', 'delayed', 'running', 'dead', 'completed'] as const

/** What `queue.jobs` was asked, checked. Whether a cursor is one that was given, only the store knows. */
export function toListing(options: ListOptions): {
  state: ListOptions['state']
  limit: number
  cursor: string | undefined
} {
  check.known('queue.jobs', options, LIST_OPTIONS)
  const { limit = 100, cursor } = options
  const state = check.oneOf('state', options.state, STATES)
  if (cursor !== undefined) check.string('cursor', cursor)
  return { state, limit: check.integer('limit', limit, 1), cursor }
}

/** How many groups `queue.groups` tells, and among how many it looks, checked. */
export function toGroupsLook(options: GroupsOptions): { limit: number; among: number } {
  check.known('queue.groups', options, GROUPS_OPTIONS)
  const { limit = 20, among } = options
  return {
    limit: check.integer('limit', limit, 1),
    among: among === undefined ? Infinity : check.integer('among', among, 1),
  }
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
