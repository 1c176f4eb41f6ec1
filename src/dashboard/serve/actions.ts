import { toMillis } from '../../core/duration.ts'
import type { QuotaChange } from '../../core/rule.ts'
import type { LimiterPart } from '../parts/limiter-part.ts'
import type { AnyQueue } from '../parts/queue-part.ts'
import type { Sampler } from '../watch/sampler.ts'
import { ArgumentError, Arguments } from './arguments.ts'

/** How many dead jobs are read, the latest first; also the most that are redriven at once. */
export const LATEST_DEAD = 2_000

/** The outcome of an action. */
export interface Done {
  /** For the user who acted. */
  readonly result?: Readonly<Record<string, unknown>>
  /** For the list of actions: the key or job, and the numbers. */
  readonly target?: string
  readonly detail?: string
}

/** The action cannot be done now: 409. */
export class ConflictError extends Error {}

const QUOTA = ['rate', 'per', 'burst', 'capacity', 'limit'] as const

/** The arguments of each action, besides `reason`. */
const ARGUMENTS: Readonly<Record<string, readonly string[]>> = {
  'limiters/reset': ['key'],
  'limiters/block': ['key', 'duration'],
  'limiters/unblock': ['key'],
  'limiters/release': ['key', 'tokens'],
  'limiters/whatif': [...QUOTA, 'quota', 'stop'],
  'limiters/reconfigure': [...QUOTA, 'quota'],
  'queues/pause': ['everywhere'],
  'queues/resume': ['everywhere'],
  'queues/workers': ['workers'],
  'queues/redrive': ['ids', 'error', 'limit'],
}

/** @param action the kind of part and the verb, such as `queues/pause` */
export function checkArguments(action: string, body: Arguments): void {
  body.only([...(ARGUMENTS[action] ?? []), 'reason'])
}

/** @returns `undefined` when there is no such part, job or action */
type Action = (body: Arguments, user: string | undefined) => Promise<Done | undefined> | Done

/** The action on a part, by the kind of part and the verb. */
export function actionOf(
  sampler: Sampler,
  kind: string,
  name: string,
  verb: string,
): Action | undefined {
  switch (kind) {
    case 'limiters': {
      const part = sampler.limiters.get(name)
      return part && own(limiterActions(part), verb)
    }
    case 'queues': {
      const part = sampler.queue(name)
      return part && own(queueActions(part.queue, part.state?.here !== false), verb)
    }
    case 'breakers': {
      const part = sampler.breakers.get(name)
      return part && own(breakerActions(part), verb)
    }
    case 'schedules': {
      const scheduler = sampler.schedules.find(name)
      if (scheduler === undefined || verb !== 'run') return undefined
      return () => {
        if (scheduler.run(name)) return {}
        throw new ConflictError('its overlap allows no more runs at once')
      }
    }
    default:
      return undefined
  }
}

/** The action on a job. */
export function jobActionOf(queue: AnyQueue, id: string, verb: string): Action | undefined {
  const actions: Record<string, Action> = {
    async cancel(body) {
      const reason = body.optionalText('reason') ?? 'cancelled by an operator'
      return (await queue.cancel(id, new Error(reason))) ? { target: id } : undefined
    },
    async redrive() {
      return (await queue.redrive({ ids: [id] })) > 0 ? { target: id } : undefined
    },
    async remove() {
      if (await queue.remove(id)) return { target: id }
      if ((await queue.job(id)) === undefined) return undefined
      throw new ConflictError('the job runs: cancel it first')
    },
  }
  return own(actions, verb)
}

function own(actions: Record<string, Action>, verb: string): Action | undefined {
  return Object.hasOwn(actions, verb) ? actions[verb] : undefined
}

function limiterActions(part: LimiterPart): Record<string, Action> {
  const { limiter } = part
  return {
    async reset(body) {
      const key = body.text('key')
      await limiter.reset(key)
      part.unblocked(key)
      return { target: key }
    },
    async block(body, user) {
      const key = body.text('key')
      const duration = body.duration('duration')
      // An operator may also shorten a block.
      await limiter.block(key, duration, { replace: true })
      const until = Date.now() + toMillis('duration', duration)
      part.blocked(key, until, user)
      return { target: key, detail: String(duration), result: { until } }
    },
    async unblock(body) {
      const key = body.text('key')
      await limiter.unblock(key)
      part.unblocked(key)
      return { target: key }
    },
    async release(body) {
      const key = body.text('key')
      const tokens = body.has('tokens') ? body.number('tokens') : 1
      if (tokens <= 0) throw new ArgumentError(`tokens must be above 0, got ${tokens}`)
      await limiter.release(key, tokens)
      return { target: key, detail: String(tokens) }
    },
    whatif(body) {
      if (body.has('stop') && body.flag('stop')) {
        part.tryOut(undefined, Date.now())
        return { detail: 'stop' }
      }
      const change = quotaChange(body)
      part.tryOut(change, Date.now())
      return { detail: shown(change) }
    },
    async reconfigure(body) {
      const change = quotaChange(body)
      await limiter.reconfigure(change)
      // The numbers that were tried are now the limit.
      part.tryOut(undefined, Date.now())
      return { detail: shown(change) }
    },
  }
}

function queueActions(queue: AnyQueue, here: boolean): Record<string, Action> {
  return {
    async pause(body) {
      // The workers of other processes can only be paused together.
      const everywhere = body.has('everywhere') ? body.flag('everywhere') : true
      await queue.pause({ everywhere: everywhere || !here })
      return { detail: everywhere || !here ? 'everywhere' : 'here' }
    },
    async resume(body) {
      const everywhere = body.has('everywhere') ? body.flag('everywhere') : true
      await queue.resume({ everywhere: everywhere || !here })
      if (here && everywhere) await queue.resume()
      return { detail: everywhere || !here ? 'everywhere' : 'here' }
    },
    workers(body) {
      if (!here)
        throw new ConflictError(
          'workers are set in the process that has the queue: open the page there',
        )
      const workers = body.number('workers')
      queue.workers = workers
      return { detail: String(workers), result: { workers } }
    },
    async redrive(body) {
      const ids = body.texts('ids')
      const error = body.optionalText('error')
      const limit = body.has('limit') ? body.number('limit') : undefined
      const redriven = await queue.redrive({
        ...(ids !== undefined && { ids }),
        // As many as the page shows.
        ...(error !== undefined && { error, latest: LATEST_DEAD }),
        limit: Math.min(limit ?? LATEST_DEAD, LATEST_DEAD),
      })
      return {
        detail: String(redriven),
        result: { redriven },
        ...(error !== undefined && { target: error }),
      }
    },
  }
}

function breakerActions(part: { isolate(): void; reset(): void }): Record<string, Action> {
  return {
    isolate() {
      part.isolate()
      return {}
    },
    reset() {
      part.reset()
      return {}
    },
  }
}

/** The numbers of a limit, as `{ quota: { ... } }` or directly in the body. */
function quotaChange(body: Arguments): QuotaChange {
  const given = body.has('quota') ? new Arguments(body.object('quota')) : body
  if (given !== body) given.only(QUOTA)
  const change: Record<string, unknown> = {}
  for (const name of ['rate', 'burst', 'capacity', 'limit'] as const) {
    if (given.has(name)) change[name] = given.number(name)
  }
  if (given.has('per')) change['per'] = given.duration('per')
  if (Object.keys(change).length === 0) {
    throw new ArgumentError(`quota must have one of ${QUOTA.join(', ')}`)
  }
  return change
}

function shown(change: QuotaChange): string {
  return Object.entries(change)
    .map(([name, value]) => `${name} ${value}`)
    .join(', ')
}
