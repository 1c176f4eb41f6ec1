import type { Millis } from './duration.ts'

/** A caller with less time than this is still told what the storage answers: one trip to it must be possible. */
export const TRIP: Millis = 100

/**
 * What `answer` resolves with, for a caller that may leave before: a storage that hangs holds no caller up for longer than the caller
 * allows.
 *
 * @param patience waits for `heard`, which resolves when `answer` has settled; rejects when the caller leaves
 * @param undo gives back what the answer brought after the caller has left
 * @throws what `patience` or `answer` rejects with
 */
export async function inTime<T>(
  answer: Promise<T>,
  patience: (heard: Promise<void>) => Promise<void>,
  undo: (late: T) => unknown = () => {},
): Promise<T> {
  let left = false
  const heard = answer.then(
    (given) => {
      if (left) void undo(given)
    },
    () => {},
  )
  try {
    await patience(heard)
  } catch (reason) {
    left = true
    throw reason
  }
  return answer
}
