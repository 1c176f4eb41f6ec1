import type { DashboardState } from '../../src/dashboard/state.ts'

/** What the page is told of a process that has no parts. */
export function emptyState(at: number): DashboardState {
  return {
    at,
    title: '',
    since: 0,
    history: 0,
    limiters: {},
    queues: {},
    breakers: {},
    registries: {},
    schedules: {},
    leaders: {},
    locks: {},
    processes: {},
    pools: {},
    storage: {},
    troubles: [],
  }
}
