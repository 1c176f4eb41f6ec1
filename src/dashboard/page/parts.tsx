import type { ComponentChildren, JSX } from 'preact'
import type { Trouble } from '../state.ts'
import type { Level } from './mark.tsx'
import { link, store } from './store.ts'

export function troubleOf(kind: string, name: string): Trouble | undefined {
  return store.state?.troubles.find((each) => each.kind === kind && each.name === name)
}

const VIEWS: Record<string, string> = {
  limiter: 'limiters',
  queue: 'queues',
  breaker: 'breakers',
  schedule: 'schedules',
  leader: 'locks',
  process: 'processes',
  storage: 'processes',
  pool: 'processes',
}

export const viewOf = (kind: string): string => VIEWS[kind] ?? 'now'

export function PartLink({
  kind,
  name,
  children,
}: {
  kind: string
  name: string
  children?: ComponentChildren
}): JSX.Element {
  return <a href={link(viewOf(kind), name)}>{children ?? name}</a>
}

export function levelOf(kind: string, name: string, otherwise: Level = 'fine'): Level {
  const trouble = troubleOf(kind, name)
  return trouble === undefined ? otherwise : trouble.code === 'silent' ? 'silent' : trouble.level
}
