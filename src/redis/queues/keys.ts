/** The parts of a queue's keys, in the order in which scripts take them. The parts after `unique` are there only where groups or keys are used. */
const PLAIN = [
  'meta',
  'jobs',
  'ready',
  'delayed',
  'leases',
  'claimed',
  'dead',
  'completed',
  'ends',
  'tries',
  'progress',
  'asked',
  'askedUntil',
  'remembered',
  'marks',
  'idle',
  'full',
  'unique',
] as const
const ROUTED = ['lanes', 'ring', 'weights', 'running', 'closed', 'parked', 'turns'] as const
/** All parts of the keys. */
export const PARTS: readonly string[] = [...PLAIN, ...ROUTED]

export interface QueueKeys {
  /** The keys of a queue without groups and limits by key. */
  readonly plain: string[]
  readonly routed: string[]
  /** The declarations of the processes. */
  readonly declared: string
  /** The channel of `process`; without one, the channel of all processes. */
  channel(process?: string): string
}

/** `prefix:{queue:name}:part`: all in one slot of a Cluster. */
export function queueKeys(prefix: string, name: string): QueueKeys {
  const base = `${prefix}:{queue:${name}}:`
  const plain = PLAIN.map((part) => base + part)
  return {
    plain,
    routed: [...plain, ...ROUTED.map((part) => base + part)],
    declared: `${base}declared`,
    channel: (process = '*') => `${base}meta:${process}`,
  }
}
