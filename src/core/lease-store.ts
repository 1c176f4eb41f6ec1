import type { Millis } from './duration.ts'

/** What one holder asks for: all of `names` together. */
export interface LeaseRequest {
  /** Different names, always in the same order, so that no two holders wait for each other. */
  readonly names: readonly string[]
  /** The name of the holder: eight ASCII characters, the bytes of a whole number above 0 as a double, drawn at random. */
  readonly holder: string
  /** How long the lease lasts from the moment when the store grants it. */
  readonly term: Millis
  /** True where the caller does not wait: when it is denied, no process has to be told that the lease is free. */
  readonly once?: boolean
  /** Set while it is the turn of other processes, and when that is over. */
  readonly after?: OthersTurn
}

/** A process that has had the names many times in a row lets other processes go first. */
export interface OthersTurn {
  /** The tokens of its last lease. The request is denied, for 50 ms at most, until a process that was denied the lease has had it. */
  readonly tokens: readonly number[]
  /** True when that time is over: the others have had their turn. */
  readonly over: boolean
}

/** How long other processes go first, where it is their turn. */
export const TURN: Millis = 50

/** The answer to a request. */
export interface LeaseAnswer {
  /** 0 when the lease was granted; otherwise how long until it may be free, `Infinity` where no time can be told. */
  readonly wait: Millis
  /** When it was granted: the fencing token of each name. */
  readonly tokens: readonly number[]
  /** When it was denied: the names that another holder has, where the store tells. One of them has to become free before it is asked for again. */
  readonly denied?: readonly string[]
}

/** A caller that is told when a lease becomes free. */
export interface LeaseWatch {
  /** True when the caller will be told, as far as the store knows. */
  live(): boolean
  end(): void
}

/**
 * Where leases are kept: one holder at a time for each name, until its time is over (C. Gray, D. Cheriton, Leases, SOSP 1989).
 *
 * Each time a name changes hands it gets a new fencing token, larger than all before.
 */
export interface LeaseStore {
  /** True where it heeds {@link LeaseRequest.after}. */
  readonly takesTurns?: boolean
  /**
   * Takes all of the names, or none. The holder that has them already gets a new term and keeps its tokens.
   *
   * @throws StorageDownError (rejects) when the store cannot be asked; the lease may have been granted all the same
   */
  acquire(request: LeaseRequest): Promise<LeaseAnswer>
  /** A new term for a lease that the holder still has. @returns false when it has lost one of the names */
  renew(request: LeaseRequest): Promise<boolean>
  /**
   * Gives the names back that this holder still has.
   *
   * @param tokens what it got them with
   * @returns true when the store still knows these tokens as the last ones
   */
  release(names: readonly string[], holder: string, tokens: readonly number[]): Promise<boolean>
  /**
   * Calls `freed` when another process has given one of the names back, as far as the store can tell: with the name, or without it where
   * any of them may be free.
   */
  watch(names: readonly string[], freed: (name?: string) => void): LeaseWatch
}

/**
 * Takes names that cannot be asked for together: one after the other. When one is denied, the names before it are given back, even a name
 * that the holder had before this request. Locks use a new holder for each request, and a new holder has no names.
 *
 * @param store answers for one name at a time
 */
export async function acquireEach(
  store: Pick<LeaseStore, 'acquire' | 'release'>,
  { names, holder, term, once = false, after }: LeaseRequest,
): Promise<LeaseAnswer> {
  const tokens: number[] = []
  for (const [i, name] of names.entries()) {
    const own = after && { after: { ...after, tokens: after.tokens.slice(i, i + 1) } }
    const answer = await store.acquire({ names: [name], holder, term, once, ...own })
    if (answer.wait > 0) {
      for (const taken of names.slice(0, i)) await store.release([taken], holder, [])
      return { ...answer, denied: [name] }
    }
    tokens.push(answer.tokens[0] as number)
  }
  return { wait: 0, tokens }
}

/** As {@link acquireEach}: renews one name after the other, until the holder has lost one. */
export async function renewEach(
  store: Pick<LeaseStore, 'renew'>,
  { names, holder, term }: LeaseRequest,
): Promise<boolean> {
  for (const name of names) {
    if (!(await store.renew({ names: [name], holder, term }))) return false
  }
  return true
}

/** As {@link acquireEach}: gives all back, also when one of them fails. */
export async function releaseEach(
  store: Pick<LeaseStore, 'release'>,
  names: readonly string[],
  holder: string,
  tokens: readonly number[],
): Promise<boolean> {
  const known = await Promise.all(
    names.map((name, i) => store.release([name], holder, tokens.slice(i, i + 1))),
  )
  return known.every((one) => one)
}

/** Watches several names as one. */
export function watchEach(
  watches: readonly ({ readonly live: boolean; end(): void } | undefined)[],
): LeaseWatch {
  return {
    live: () => watches.every((watch) => watch?.live),
    end: () => {
      for (const watch of watches) watch?.end()
    },
  }
}
