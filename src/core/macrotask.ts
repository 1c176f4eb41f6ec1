type Later = (run: () => void) => void

/** Calls `run` after the event loop has looked at timers and I/O once. Keeps the process alive until then. */
export const macrotask: Later =
  (globalThis as { setImmediate?: Later }).setImmediate ?? ((run) => void setTimeout(run, 0))
