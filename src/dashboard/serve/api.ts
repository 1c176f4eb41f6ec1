import { cut } from '../../core/error-text.ts'
import { describe, isAioFluxError, quoted } from '../../core/errors.ts'
import type { QueuedJobInfo } from '../../queues/job.ts'
import type { DashboardSettings } from '../options.ts'
import { PAGE } from '../page.generated.ts'
import type { AnyQueue } from '../parts/queue-part.ts'
import type { Happening, Viewer } from '../state.ts'
import { rounded } from '../watch/delta.ts'
import type { Sampler } from '../watch/sampler.ts'
import { isSameOrigin, viewerOf } from './access.ts'
import { actionOf, ConflictError, checkArguments, jobActionOf, LATEST_DEAD } from './actions.ts'
import { type Answer, answer, events, json, type PageRequest, refusal } from './answer.ts'
import { ArgumentError, argumentsOf } from './arguments.ts'
import { Streams, snapshotOf } from './stream.ts'

const STATES = ['waiting', 'delayed', 'running', 'dead', 'completed'] as const
/** How many jobs a page of a list has, at most. */
const MOST_JOBS = 100
/** How deep a list of a queue in this process goes: to find the 900,000th of a million jobs, they all have to be ranked. */
const DEEPEST = 10_000
/** How many groups are shown, and how many are read from a storage, where each costs some steps. */
const SHOWN_GROUPS = 20
const MOST_GROUPS = 500
/** The longest history, in seconds. */
const LONGEST_PAST = 86_400
/** The most characters of the text of `show` that are sent. */
const MOST_SHOWN = 20_000
/** The most characters of a stack that are sent. */
const MOST_STACK = 4_000
/** The fields of a job that are dates. */
const MOMENTS = ['createdAt', 'dueAt', 'startedAt', 'endedAt', 'keptUntil'] as const

const KINDS: Readonly<Record<string, Happening['kind']>> = {
  limiters: 'limiter',
  queues: 'queue',
  breakers: 'breaker',
  schedules: 'schedule',
}

/** Answers requests: for the page, for its data, and for actions. */
export class Api {
  readonly #settings: DashboardSettings
  readonly #sampler: Sampler
  readonly #streams: Streams
  #closed = false

  constructor(settings: DashboardSettings, sampler: Sampler) {
    this.#settings = settings
    this.#sampler = sampler
    this.#streams = new Streams(sampler)
  }

  close(): void {
    this.#closed = true
    this.#streams.close()
  }

  /** @returns `undefined` for a path that the dashboard does not have */
  answer(asked: PageRequest): Promise<Answer> | undefined {
    const { path } = asked
    const file = path === '' ? 'index.html' : path
    const page = Object.hasOwn(PAGE, file) ? PAGE[file] : undefined
    const segments = segmentsOf(path)
    const isApi = segments?.[0] === 'api' && known(segments)
    if (page === undefined && !isApi) return undefined
    return this.#guarded(asked, (viewer) => {
      if (page !== undefined) {
        if (asked.method !== 'GET' && asked.method !== 'HEAD') return notAllowed('GET, HEAD')
        return answer(200, page.type, page.text, { 'cache-control': 'no-cache' })
      }
      return this.#api(asked, segments as string[], viewer)
    })
  }

  async #guarded(
    asked: PageRequest,
    serve: (viewer: Viewer) => Answer | Promise<Answer>,
  ): Promise<Answer> {
    if (this.#closed) return refusal(503, 'the dashboard is closed')
    const viewer = await viewerOf(this.#settings.access, asked)
    if ('status' in viewer) return viewer
    try {
      return await serve(viewer)
    } catch (error) {
      const { message } = error as Error
      if (error instanceof ArgumentError) return refusal(400, message)
      if (error instanceof ConflictError) return refusal(409, message)
      if (isAioFluxError(error, 'INVALID_OPTION') || isAioFluxError(error, 'COST_TOO_LARGE')) {
        return refusal(400, message)
      }
      if (isAioFluxError(error, 'CLOSED')) return refusal(409, message)
      if (isAioFluxError(error, 'STORAGE_DOWN')) return refusal(503, message)
      throw error
    }
  }

  async #api(asked: PageRequest, segments: readonly string[], viewer: Viewer): Promise<Answer> {
    const [, kind = '', name = '', what, id = '', verb] = segments
    const acts = asked.method === 'POST'
    if (!acts && asked.method !== 'GET') return notAllowed('GET, POST')
    if (acts) return this.#act(asked, segments, viewer)
    const sampler = this.#sampler
    if (segments.length === 2 && kind === 'state') {
      const state = await sampler.state()
      const text = JSON.stringify(snapshotOf(sampler, state, viewer), rounded)
      return answer(200, 'application/json; charset=utf-8', text)
    }
    if (segments.length === 2 && kind === 'past') return this.#past(asked)
    if (segments.length === 2 && kind === 'stream') {
      if (this.#streams.full) return refusal(503, 'too many pages look already')
      return events((sink) => this.#streams.open(sink, viewer))
    }
    if (kind === 'limiters' && what === 'keys' && segments.length === 5) {
      return this.#key(name, id, asked)
    }
    const queue = kind === 'queues' ? sampler.queue(name)?.queue : undefined
    if (queue === undefined) return notFound(asked)
    if (segments.length === 3) return this.#queue(queue)
    if (what !== 'jobs' || verb !== undefined) return notFound(asked)
    return segments.length === 4 ? this.#jobs(queue, asked) : this.#job(queue, id, asked)
  }

  /** Samples of a longer past than the state has. */
  #past({ query }: PageRequest): Answer {
    const seconds = Number(query.get('seconds'))
    if (!Number.isInteger(seconds) || seconds < 1 || seconds > LONGEST_PAST) {
      const given = describe(query.get('seconds'))
      return refusal(400, `seconds must be a whole number from 1 to ${LONGEST_PAST}, got ${given}`)
    }
    return json(200, this.#sampler.history.state(Date.now(), seconds * 1000))
  }

  async #key(name: string, key: string, asked: PageRequest): Promise<Answer> {
    const part = this.#sampler.limiters.get(name)
    if (part === undefined) return notFound(asked)
    const now = Date.now()
    const decision = await part.limiter.peek(key)
    const blocked = part.blockOf(key, now)
    const denied = part.deniedOf(key)
    const { parts: _, ...told } = decision
    return json(200, {
      key,
      ...told,
      resetAfter: Number.isFinite(told.resetAfter) ? told.resetAfter : null,
      retryAfter: Number.isFinite(told.retryAfter) ? told.retryAfter : null,
      ...(blocked !== undefined && { blocked }),
      ...(denied !== undefined && { denied }),
    })
  }

  async #queue(queue: AnyQueue): Promise<Answer> {
    const remote = 'redeclare' in queue
    const [groups, deaths] = await Promise.all([
      queue.groups(remote ? { limit: MOST_GROUPS, among: MOST_GROUPS } : { limit: SHOWN_GROUPS }),
      queue.deadByError({ latest: LATEST_DEAD }),
    ])
    return json(200, {
      groups: groups.slice(0, SHOWN_GROUPS),
      // There may be more groups than were read.
      ...(remote && groups.length === MOST_GROUPS && { among: MOST_GROUPS }),
      latest: LATEST_DEAD,
      deaths: deaths.slice(0, 100).map(({ error, count, first, last }) => ({
        error,
        count,
        first: first.getTime(),
        last: last.getTime(),
      })),
    })
  }

  async #jobs(queue: AnyQueue, { query }: PageRequest): Promise<Answer> {
    const state = query.get('state') ?? 'waiting'
    const limit = Number(query.get('limit') ?? MOST_JOBS)
    if (!(STATES as readonly string[]).includes(state)) {
      return refusal(400, `state must be one of ${STATES.join(', ')}, got ${quoted(state)}`)
    }
    if (!Number.isInteger(limit) || limit < 1 || limit > MOST_JOBS) {
      const given = describe(query.get('limit'))
      return refusal(400, `limit must be a whole number from 1 to ${MOST_JOBS}, got ${given}`)
    }
    const cursor = query.get('cursor')
    const isLocal = !('redeclare' in queue)
    // The cursor of a queue in this process begins with the number of jobs that were shown before.
    if (isLocal && Number.parseInt(cursor ?? '0', 10) > DEEPEST) {
      return refusal(400, `a list goes ${DEEPEST} jobs deep: ask for a job by its id`)
    }
    const { jobs, cursor: next } = await queue.jobs({
      state: state as (typeof STATES)[number],
      limit,
      ...(cursor !== null && { cursor }),
    })
    return json(200, {
      jobs: jobs.map((job) => this.#jobState(job, false)),
      ...(next !== undefined && { cursor: next }),
    })
  }

  async #job(queue: AnyQueue, id: string, asked: PageRequest): Promise<Answer> {
    const job = await queue.job(id)
    if (job !== undefined) return json(200, this.#jobState(job, true))
    // For the page: browsers log a 404 as an error, and a job that has gone is no error.
    return asked.query.get('gone') === 'null' ? json(200, null) : notFound(asked)
  }

  /** A job as it may be seen: without item, result and progress, and with the text of `show`. */
  #jobState(job: QueuedJobInfo, whole: boolean): Record<string, unknown> {
    const { item: _, result: __, progress: ___, ...rest } = job
    const { show } = this.#settings
    const state: Record<string, unknown> = { ...rest }
    for (const name of MOMENTS) {
      if (rest[name] !== undefined) state[name] = rest[name].getTime()
    }
    state['tries'] = rest.tries.map((each) => ({
      ...each,
      startedAt: each.startedAt.getTime(),
      endedAt: each.endedAt.getTime(),
    }))
    if (rest.error?.stack !== undefined) {
      const { stack, ...error } = rest.error
      // A list has no room for it.
      state['error'] = whole ? { ...error, stack: cut(stack, MOST_STACK) } : error
    }
    if (whole && show !== undefined) {
      const shown: unknown = show(job)
      if (shown !== undefined) state['shown'] = cut(String(shown), MOST_SHOWN)
    }
    return state
  }

  async #act(asked: PageRequest, segments: readonly string[], viewer: Viewer): Promise<Answer> {
    if (viewer.may !== 'all') return refusal(403, 'you may look, and not act')
    if (!isSameOrigin(asked)) return refusal(403, 'only this page may act, and no other origin')
    const [, kind = '', name = '', what = '', id = '', verb = ''] = segments
    const queue = kind === 'queues' ? this.#sampler.queue(name)?.queue : undefined
    const action =
      segments.length === 4
        ? actionOf(this.#sampler, kind, name, what)
        : what === 'jobs' && segments.length === 6 && queue !== undefined
          ? jobActionOf(queue, id, verb)
          : undefined
    if (action === undefined) return notFound(asked)
    const body = await argumentsOf(asked)
    if ('status' in body) return body
    checkArguments(`${segments.length === 4 ? kind : 'jobs'}/${verb || what}`, body)
    const reason = body.optionalText('reason')
    const done = await action(body, viewer.user)
    if (done === undefined) return notFound(asked)
    this.#sampler.happenings.add({
      at: Date.now(),
      kind: KINDS[kind] as Happening['kind'],
      name,
      action: segments.length === 4 ? what : `job-${verb}`,
      ...(viewer.user !== undefined && { who: cut(viewer.user) }),
      ...(reason !== undefined && reason !== '' && { reason: cut(reason) }),
      ...(done.target !== undefined && { target: cut(done.target) }),
      ...(done.detail !== undefined && { detail: cut(done.detail) }),
    })
    void this.#sampler.refresh().catch(() => {})
    return json(200, { ok: true, ...done.result })
  }
}

/** The parts of a path, decoded; `undefined` when it cannot be decoded. */
function segmentsOf(path: string): string[] | undefined {
  try {
    return path.split('/').map(decodeURIComponent)
  } catch {
    return undefined
  }
}

/** True for a path of the API, whether the part exists or not. */
function known([, kind, name, what]: readonly string[]): boolean {
  if (name === undefined) return kind === 'state' || kind === 'past' || kind === 'stream'
  return (
    kind !== undefined && Object.hasOwn(KINDS, kind) && (what !== undefined || kind === 'queues')
  )
}

function notFound({ path }: PageRequest): Answer {
  return refusal(404, `there is nothing at ${quoted(path)}`)
}

function notAllowed(allow: string): Answer {
  return refusal(405, `the method must be one of ${allow}`, { allow })
}
