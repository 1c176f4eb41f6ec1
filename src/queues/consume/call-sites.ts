// The stack trace interface of V8, as far as it is used; other engines ignore it.
interface CallSite {
  getFunctionName(): string | null
}
interface WithCallSites {
  stackTraceLimit?: number
  prepareStackTrace?: (error: Error, sites: CallSite[]) => unknown
}

/**
 * The name of the async function that awaits the caller, directly or not, and whose name begins with `prefix`. `undefined` where there
 * is none, or the engine cannot tell.
 */
export function awaiterOf(prefix: string): string | undefined {
  const errors = Error as unknown as WithCallSites
  const { stackTraceLimit, prepareStackTrace } = errors
  let found: string | undefined
  try {
    errors.stackTraceLimit = 100
    errors.prepareStackTrace = (_, sites) => {
      for (const site of sites) {
        const name = site.getFunctionName()
        if (found === undefined && name?.startsWith(prefix)) found = name
      }
      return ''
    }
    // The stack is only worked out when it is read.
    void new Error().stack
  } finally {
    if (stackTraceLimit !== undefined) errors.stackTraceLimit = stackTraceLimit
    if (prepareStackTrace === undefined) delete errors.prepareStackTrace
    else errors.prepareStackTrace = prepareStackTrace
  }
  return found
}
