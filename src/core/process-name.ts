interface Runtime {
  readonly pid?: number
  readonly env?: Readonly<Record<string, string | undefined>>
}

/** How people call this process: by its host and number, as far as the runtime knows them. */
export function processName(): string {
  const { pid, env } = (globalThis as { process?: Runtime }).process ?? {}
  const host = env?.['HOSTNAME']
  if (pid === undefined) return host || 'here'
  return host ? `${host}-${pid}` : `pid ${pid}`
}
