import type { StoredRecord, StoredState } from '../../queues/store/job-record.ts'
import type { DeathCount, GroupCounts, StoreCounts } from '../../queues/store/job-store.ts'
import { storedOf } from './plain-job.ts'
import type { PlainJobs } from './plain-jobs.ts'

/** One page of the jobs in a state. The cursor is the serial number of the last one. */
export function page<T>(
  jobs: PlainJobs<T>,
  state: StoredState,
  limit: number,
  cursor = '0',
): { jobs: StoredRecord<T>[]; cursor?: string } {
  const rest = jobs
    .inState(state)
    .sort((a, b) => a.serial - b.serial)
    .filter((job) => job.serial > Number(cursor))
  const shown = rest.slice(0, limit)
  const last = shown.at(-1)
  const more = rest.length > shown.length && last !== undefined
  return { jobs: shown.map(storedOf), ...(more && { cursor: String(last.serial) }) }
}

export function countsOf<T>(jobs: PlainJobs<T>): StoreCounts {
  const count = (state: StoredState) => jobs.inState(state).length
  const places = jobs.inState('waiting').map((job) => job.place)
  return {
    waiting: count('waiting'),
    delayed: count('delayed'),
    running: count('running'),
    dead: count('dead'),
    completed: jobs.completed,
    failed: jobs.failed,
    oldest: oldest(places, jobs.now),
  }
}

/** Delayed jobs are no backlog: they do not count here. */
export function groupsOf<T>(jobs: PlainJobs<T>, limit: number, among: number): GroupCounts[] {
  const there = jobs.inState('waiting', 'running')
  const names = new Set(there.map((job) => job.group).filter((name) => name !== undefined))
  const groups = [...names].slice(0, among).map((group) => {
    const own = there.filter((job) => job.group === group)
    const waiting = own.filter((job) => job.state === 'waiting')
    const places = waiting.map((job) => job.place)
    return {
      group,
      waiting: waiting.length,
      running: own.length - waiting.length,
      oldest: oldest(places, jobs.now),
    }
  })
  return groups.sort((a, b) => b.waiting - a.waiting).slice(0, limit)
}

export function deathsOf<T>(jobs: PlainJobs<T>, limit: number, latest: number): DeathCount[] {
  const dead = jobs
    .inState('dead')
    .sort((a, b) => (b.endedAt ?? 0) - (a.endedAt ?? 0))
    .slice(0, latest)
  const errors = new Set(dead.map((job) => job.error?.message ?? ''))
  const deaths = [...errors].map((error) => {
    const own = dead.filter((job) => (job.error?.message ?? '') === error)
    const moments = own.map((job) => job.endedAt ?? 0).sort((a, b) => a - b)
    return {
      error,
      count: own.length,
      first: moments.at(0) ?? 0,
      last: moments.at(-1) ?? 0,
    }
  })
  return deaths.sort((a, b) => b.count - a.count).slice(0, limit)
}

function oldest(places: readonly number[], now: number): number {
  return places.reduce((longest, place) => Math.max(longest, now - place), 0)
}
