/** What this process was started for. */
export function task<T>(): T {
  // Nobody to work for: the starter has ended, however it ended.
  process.on('disconnect', () => process.exit(0))
  return JSON.parse(process.argv[2] as string) as T
}

/** Tells the one who started this process. */
export function tell(message: object): void {
  process.send?.(message)
}

/** The next thing the starter says. */
export function told<T>(): Promise<T> {
  return new Promise((resolve) => process.once('message', (message) => resolve(message as T)))
}
