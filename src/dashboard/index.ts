/// <reference lib="esnext.disposable" preserve="true" />
// A page that shows the state of all parts, and lets operators act.
export {
  type Dashboard,
  type DashboardFastify,
  type DashboardFastifyReply,
  type DashboardFastifyRequest,
  dashboard,
} from './dashboard.ts'
export type { DashboardOptions } from './options.ts'
export type { Access, AccessAnswer } from './serve/access.ts'
export type { DashboardRequest, DashboardResponse } from './serve/node.ts'
