import { describe, OptionTypeError } from '../../core/errors.ts'
import type { Viewer } from '../state.ts'
import { type Answer, type PageRequest, refusal } from './answer.ts'

/** Decides what a user may do: nothing, look, or look and act. It may also name the user, for the list of actions. */
export type Access = (
  // biome-ignore lint/suspicious/noExplicitAny: each framework has requests of its own.
  request: any,
) => AccessAnswer | Promise<AccessAnswer>

/** The answer of {@link Access}. */
export type AccessAnswer = false | 'read' | 'all' | { may: 'read' | 'all'; user?: string }

/** The viewer that asks, or the refusal. */
export async function viewerOf(access: Access, asked: PageRequest): Promise<Viewer | Answer> {
  const said = await access(asked.source)
  if (said === false) {
    const named = asked.header('authorization') ?? asked.header('cookie')
    return named === undefined
      ? refusal(401, 'this page needs credentials', {
          'www-authenticate': 'Bearer realm="aioflux"',
        })
      : refusal(403, 'you may not see this page')
  }
  const viewer = typeof said === 'string' ? { may: said } : said
  if (viewer?.may !== 'read' && viewer?.may !== 'all') {
    // An answer such as `true` must not open the page.
    throw new OptionTypeError(
      'access',
      `access must answer false, 'read', 'all' or { may, user }, got ${describe(said)}`,
    )
  }
  const { may, user } = viewer as Viewer
  return { may, ...(user !== undefined && { user: String(user) }) }
}

/**
 * True when the page itself made the request. Browsers set these headers, and a script of another origin cannot change them. A request
 * with neither header is from a program: a form of another site cannot send JSON.
 */
export function isSameOrigin(asked: PageRequest): boolean {
  const site = asked.header('sec-fetch-site')
  if (site !== undefined) return site === 'same-origin'
  const origin = asked.header('origin')
  if (origin === undefined) return true
  try {
    const { host } = new URL(origin)
    // Behind a proxy this is the host that the browser asked for. A page of another origin cannot set that field.
    const hosts = [asked.header('host'), ...(asked.header('x-forwarded-host')?.split(',') ?? [])]
    return hosts.some((one) => one?.trim().toLowerCase() === host)
  } catch {
    return false
  }
}
