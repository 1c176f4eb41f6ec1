import { describe, isAioFluxError } from '../core/errors.ts'

/** The answer to a denied request. */
export interface Refusal {
  readonly status: number
  /** A problem of RFC 9457, as JSON. */
  readonly body: string
}

export const PROBLEM_JSON = 'application/problem+json'

const TYPES = 'https://iana.org/assignments/http-problem-types#'

/** The answer when the caller has used up these policies. */
export function quotaExceeded(policies: readonly string[]): Refusal {
  return problem(429, {
    type: `${TYPES}quota-exceeded`,
    title: 'Request cannot be satisfied as assigned quota has been exceeded',
    'violated-policies': policies,
  })
}

/** The answer when the storage cannot be asked and the policy for outages denies: 503, since the caller did nothing wrong. */
export function reducedCapacity(policies: readonly string[]): Refusal {
  return problem(503, {
    type: `${TYPES}temporary-reduced-capacity`,
    title: 'Request cannot be satisfied due to temporary server capacity constraints',
    'violated-policies': policies,
  })
}

/** The status an error of a limiter stands for; undefined for errors that are bugs. */
function statusOf(error: unknown): number | undefined {
  if (isAioFluxError(error, 'STORAGE_DOWN')) return 503
  // Asked for more than the limit ever holds: to try again is of no use.
  if (isAioFluxError(error, 'COST_TOO_LARGE')) return 413
  return undefined
}

/** The answer to an error of a limiter, when no error handler can take it. */
export function refusalOf(error: unknown): Refusal | undefined {
  const status = statusOf(error)
  if (status === 503) return reducedCapacity([])
  if (status === undefined) return undefined
  return problem(status, { title: 'Request costs more than its quota ever holds' })
}

/**
 * The error as frameworks take it, with the status by which they answer it. What is no object is put into an error: to them,
 * `undefined` would mean that there is none, and a text may be the name of a route.
 */
export function failureOf(error: unknown): object {
  if (typeof error !== 'object' || error === null) {
    const what = `a function in the options of the guard threw ${describe(error)}, which is no error`
    return new TypeError(what, { cause: error })
  }
  const status = statusOf(error)
  return status === undefined ? error : Object.assign(error, { status, statusCode: status })
}

/** What `onLimited` answers; it rejects with nothing but errors. */
export async function answerOf<T>(onLimited: () => T | Promise<T>): Promise<T> {
  try {
    return await onLimited()
  } catch (error) {
    throw failureOf(error)
  }
}

function problem(status: number, members: object): Refusal {
  return { status, body: JSON.stringify({ ...members, status }) }
}
