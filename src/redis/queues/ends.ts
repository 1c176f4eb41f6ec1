import type { Moment } from '../../core/lease-clock.ts'
import type { JobErrorRecord } from '../../queues/store/job-record.ts'
import type { Ending } from '../../queues/store/job-store.ts'
import { valueText } from './envelope.ts'
import type { End } from './step-script.ts'

/** The end of a claim, as the script takes it. */
export function endOf(token: string, ending: Ending, until: Moment | undefined): End {
  switch (ending.outcome) {
    case 'completed':
      return { token, kind: 'c', delay: 0, text: completed(ending.value), until }
    case 'failed':
      return { token, kind: 'f', delay: 0, text: errorText(ending.error), until }
    case 'retry':
      return { token, kind: 't', delay: ending.delay, text: errorText(ending.error), until }
    case 'released':
      return {
        token,
        kind: ending.punctual === true ? 'r' : 'l',
        delay: ending.delay,
        text: '',
        until,
      }
  }
}

/**
 * A result that cannot be written does not undo the work: the job has completed, and a waiting caller is told why there is no
 * result.
 */
function completed(value: unknown): string {
  try {
    return `c${valueText(value)}`
  } catch (error) {
    const { name, message } = error as Error
    const code = (error as { code?: unknown }).code
    return `f${errorText({
      name,
      message: `the job has completed, but its result cannot be encoded: ${message}`,
      ...(typeof code === 'string' && { code }),
    })}`
  }
}

function errorText(error: JobErrorRecord): string {
  return JSON.stringify(error)
}
