/** Error, as engines have it that keep stacks. */
const errors = Error as { stackTraceLimit?: number }
/** Where intrinsics are frozen, errors have their stacks. */
const possible =
  Object.getOwnPropertyDescriptor(Error, 'stackTraceLimit')?.writable === true &&
  !Object.isFrozen(Error)

/**
 * Makes an error that records no stack: for refusals, of which there are most when there is least time for them. Recording
 * one takes ten times as long as all the rest, and would show the caller, not what is wrong.
 */
export function withoutStack<E extends Error>(make: () => E): E {
  if (!possible) return make()
  const { stackTraceLimit = 10 } = errors
  errors.stackTraceLimit = 0
  try {
    return make()
  } finally {
    errors.stackTraceLimit = stackTraceLimit
  }
}
