/** Writes the trace that is active now for another process, and makes it active there again. */
export interface TraceCarrier {
  /** What tells of the active trace: `traceparent` and the like. */
  headers(): Readonly<Record<string, string>>
  /** Runs `fn` where the trace of these headers is active. */
  within<R>(headers: Readonly<Record<string, string>>, fn: () => R): R
}

let active: TraceCarrier | undefined

/** The carrier of this process, where one was set. */
export function traceCarrier(): TraceCarrier | undefined {
  return active
}

/** From now on jobs carry their trace. Returns what undoes it. */
export function setTraceCarrier(carrier: TraceCarrier): () => void {
  active = carrier
  return () => {
    if (active === carrier) active = undefined
  }
}
