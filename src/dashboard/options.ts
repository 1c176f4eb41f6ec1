import type { Coordinator } from '../coordination/coordinator.ts'
import { callable, callback, having, known, type OptionTable, string } from '../core/check.ts'
import { type Duration, type Millis, toMillis } from '../core/duration.ts'
import { describe, OptionRangeError, OptionTypeError, quoted } from '../core/errors.ts'
import type { Storage } from '../core/storage.ts'
import type { Limiter } from '../limiters/limiter.ts'
import type { Metrics } from '../metrics/metrics.ts'
import type { QueuedJobInfo } from '../queues/job.ts'
import type { Queue } from '../queues/queue.ts'
import type { CircuitBreaker } from '../resilience/circuit-breaker.ts'
import type { CircuitBreakerRegistry } from '../resilience/circuit-breaker-registry.ts'
import type { Scheduler } from '../schedule/scheduler.ts'
import type { WorkerPool } from '../workers/pool.ts'
import type { Access } from './serve/access.ts'

/** Options of {@link dashboard}: the parts that it shows, and which users may see them and act. */
export interface DashboardOptions {
  limiters?: readonly Limiter[]
  // biome-ignore lint/suspicious/noExplicitAny: queues of any items.
  queues?: readonly Queue<any, any>[]
  /** At most 100 breakers of a registry are shown, the ones that are not closed first. */
  breakers?: readonly (CircuitBreaker | CircuitBreakerRegistry)[]
  pools?: readonly WorkerPool[]
  schedulers?: readonly Scheduler[]
  coordinators?: readonly Coordinator[]
  /** The Metrics in which the queues count: the page reads their run times from it. */
  metrics?: Metrics
  /**
   * A RedisStorage. The page also shows the queues, leaders, locks and schedules of all processes that use it, and the processes that have
   * a dashboard with the same storage.
   */
  storage?: Storage
  /**
   * Decides which users may see the page and act. Called for every request, with the request of the framework: an IncomingMessage, a
   * Request of the web platform, or a request of Fastify. An error of this function is answered 500.
   */
  access: Access
  /** The path of the page, when the framework does not remove it from the requests. @default '/' */
  basePath?: string
  /**
   * Returns the text of a job that may be seen; `undefined` for nothing.
   * @default items and results are hidden
   */
  show?: (job: QueuedJobInfo) => string | undefined
  /**
   * For how long samples are kept, one each 5 s, so that the page has a history when it is opened. At most 1 day. With 0 nothing runs
   * while no page is open.
   * @default '30m'
   */
  history?: Duration
  /** The text beside `aioflux` in the head of the page, such as the name of the service or `production`. @default '' */
  title?: string
}

const DASHBOARD_OPTIONS: OptionTable<DashboardOptions> = {
  limiters: true,
  queues: true,
  breakers: true,
  pools: true,
  schedulers: true,
  coordinators: true,
  metrics: true,
  storage: true,
  access: true,
  basePath: true,
  show: true,
  history: true,
  title: true,
}

/** The options of a dashboard, checked. */
export interface DashboardSettings {
  readonly limiters: ReadonlyMap<string, Limiter>
  // biome-ignore lint/suspicious/noExplicitAny: as above.
  readonly queues: ReadonlyMap<string, Queue<any, any>>
  readonly breakers: ReadonlyMap<string, CircuitBreaker | CircuitBreakerRegistry>
  readonly pools: ReadonlyMap<string, WorkerPool>
  readonly schedulers: readonly Scheduler[]
  readonly coordinators: ReadonlyMap<string, Coordinator>
  readonly metrics: Metrics | undefined
  readonly storage: Storage | undefined
  readonly access: Access
  /** With a slash at both ends. */
  readonly basePath: string
  readonly show: ((job: QueuedJobInfo) => string | undefined) | undefined
  readonly history: Millis
  readonly title: string
}

const LONGEST_HISTORY: Millis = 86_400_000

/** @throws OptionTypeError | OptionRangeError naming the option and its value */
export function dashboardSettings(options: DashboardOptions): DashboardSettings {
  known('dashboard', options, DASHBOARD_OPTIONS)
  const { access, basePath = '/', show, history = '30m', title = '', storage } = options
  callable('access', access)
  callback('show', show)
  having('storage', storage, 'open')
  having('metrics', options.metrics, 'getStats')
  const keep = toMillis('history', history)
  if (keep > LONGEST_HISTORY) {
    throw new OptionRangeError('history', `history must be at most 1 day, got ${describe(history)}`)
  }
  const schedulers = list('schedulers', options.schedulers, 'listJobs')
  named(
    'schedulers',
    schedulers.flatMap((scheduler) => scheduler.listJobs()),
    ({ name }) => name,
  )
  return {
    limiters: named('limiters', list('limiters', options.limiters, 'consume'), nameOf),
    queues: named('queues', list('queues', options.queues, 'counts'), nameOf),
    breakers: named('breakers', list('breakers', options.breakers, 'isolate', 'for'), nameOf),
    pools: named('pools', list('pools', options.pools, 'stats'), nameOf),
    schedulers,
    coordinators: named(
      'coordinators',
      list('coordinators', options.coordinators, 'tryLock'),
      nameOf,
    ),
    metrics: options.metrics,
    storage,
    access,
    basePath: readPath(basePath),
    show,
    history: keep,
    title: string('title', title),
  }
}

function nameOf({ name }: { readonly name: string }): string {
  return name
}

function list<P extends object>(
  option: string,
  parts: readonly P[] | undefined,
  ...verbs: readonly string[]
): readonly P[] {
  if (parts === undefined) return []
  if (!Array.isArray(parts)) {
    throw new OptionTypeError(option, `${option} must be an array, got ${describe(parts)}`)
  }
  for (const part of parts) {
    const has = part as Record<string, unknown> | null | undefined
    if (!verbs.some((verb) => typeof has?.[verb] === 'function')) {
      throw new OptionTypeError(
        option,
        `each of ${option} must have ${verbs.join('() or ')}(), got ${describe(part)}`,
      )
    }
  }
  return parts
}

function named<P>(
  option: string,
  parts: readonly P[],
  nameOfPart: (part: P) => string,
): Map<string, P> {
  const map = new Map<string, P>()
  for (const part of parts) {
    const name = nameOfPart(part)
    if (map.has(name)) {
      throw new OptionRangeError(
        option,
        `${option} must have different names, got ${quoted(name)} twice: give each a 'name'`,
      )
    }
    map.set(name, part)
  }
  return map
}

function readPath(path: string): string {
  string('basePath', path)
  if (!path.startsWith('/') || /[?#]/.test(path)) {
    throw new OptionRangeError(
      'basePath',
      `basePath must be a path that begins with '/', got ${describe(path)}`,
    )
  }
  return path.endsWith('/') ? path : `${path}/`
}
