import type { BreakerCallOptions, CircuitBreaker } from 'aioflux'

/** A call that stays under way until the test ends it. */
export interface Call {
  readonly admitted: boolean
  /** What the breaker gave the caller. */
  readonly outcome: Promise<unknown>
  succeed(value?: unknown): Promise<void>
  fail(error?: unknown): Promise<void>
  /** The caller cancels, and the function ends as a good one does: with the reason. */
  cancel(): Promise<void>
}

export async function begin(
  breaker: CircuitBreaker,
  options: BreakerCallOptions<unknown> = {},
): Promise<Call> {
  const controller = new AbortController()
  let admitted = false
  let resolve: (value: unknown) => void = () => {}
  let reject: (error: unknown) => void = () => {}
  const work = () => {
    admitted = true
    return new Promise<unknown>((yes, no) => {
      resolve = yes
      reject = no
    })
  }
  const outcome = breaker.call(work, { signal: controller.signal, ...options })
  const ended = outcome.then(
    () => {},
    () => {},
  )
  await turns()
  const end = (finish: () => void) => {
    finish()
    return ended
  }
  return {
    admitted,
    outcome,
    succeed: (value) => end(() => resolve(value)),
    fail: (error = new Error('down')) => end(() => reject(error)),
    cancel: () =>
      end(() => {
        controller.abort()
        reject(controller.signal.reason)
      }),
  }
}

export const succeed = (breaker: CircuitBreaker): Promise<unknown> => breaker.call(async () => 'ok')

export const fail = (breaker: CircuitBreaker): Promise<unknown> =>
  breaker
    .call(async () => {
      throw new Error('down')
    })
    .catch((error: unknown) => error)

export async function turns(): Promise<void> {
  for (let i = 0; i < 10; i++) await Promise.resolve()
}
