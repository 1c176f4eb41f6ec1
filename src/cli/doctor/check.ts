/** `fault`: aioflux will not work as documented. `warning`: it works, with a risk that the user should know. */
export type Level = 'ok' | 'warning' | 'fault'

/** One check of `aioflux doctor`. */
export interface Check {
  readonly check: string
  readonly level: Level
  /** What is there, in a sentence. */
  readonly found: string
  /** What to do about it; `null` when there is nothing to do. */
  readonly change: string | null
}

export function ok(check: string, found: string): Check {
  return { check, level: 'ok', found, change: null }
}

export function warning(check: string, found: string, change: string): Check {
  return { check, level: 'warning', found, change }
}

export function fault(check: string, found: string, change: string): Check {
  return { check, level: 'fault', found, change }
}
