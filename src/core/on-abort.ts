interface Waiting {
  readonly runs: Set<() => void>
  readonly listener: () => void
}

/** The functions to call when a signal aborts, for each signal that a caller waits on. */
const waits = new WeakMap<AbortSignal, Waiting>()

/**
 * Calls `run` when `signal` aborts; returns the way to stop that. Each call needs a function of its own.
 *
 * A signal has one listener of this package, however many calls wait on it, and none while no call waits. Node looks through all
 * listeners of a signal for each that is added, which is quadratic, and from the 11th on it warns of a leak.
 */
export function onAbort(signal: AbortSignal, run: () => void): () => void {
  const waiting = waits.get(signal) ?? listen(signal)
  waiting.runs.add(run)
  return () => {
    waiting.runs.delete(run)
    if (waiting.runs.size > 0 || waits.get(signal) !== waiting) return
    waits.delete(signal)
    signal.removeEventListener('abort', waiting.listener)
  }
}

function listen(signal: AbortSignal): Waiting {
  const runs = new Set<() => void>()
  const listener = () => {
    waits.delete(signal)
    // From the last: calls that wait in one line leave it from its end, so that none is let go on in the place of the one before it.
    // What one of them stops is not called any more.
    for (const run of [...runs].reverse()) if (runs.has(run)) run()
  }
  const waiting = { runs, listener }
  waits.set(signal, waiting)
  signal.addEventListener('abort', listener, { once: true })
  return waiting
}
