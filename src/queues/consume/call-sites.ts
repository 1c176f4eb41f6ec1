// The stack trace interface of V8, as far as it is used; other engines ignore it.
interface CallSite {
  getFunctionName(): string | null
}
interface WithCallSites {
  stackTraceLimit?: number
  prepareStackTrace?: (error: Error, sites: CallSite[]) => unknown
}

/** True when an async function called `name` awaits the caller, directly or not. `false` where the engine cannot tell. */
export function awaitedBy(name: string): boolean {
  const errors = Error as unknown as WithCallSites
  const { stackTraceLimit, prepareStackTrace } = errors
  let found = false
  try {
    errors.stackTraceLimit = 100
    errors.prepareStackTrace = (_, sites) => {
      found = sites.some((site) => site.getFunctionName() === name)
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
