import type { BroadcastGroup } from '../../../queues/broadcast/shared-broadcast.ts'
import { listOf, malformed, numberOf, textOf } from '../../scripts/reply.ts'
import { countOf, listOfLength } from '../replies.ts'

// The replies of the script of a broadcast: see lua/broadcast.lua. A reply of another shape is an outage.

/** An item, by its number in the order of all puts. */
export interface Entry {
  readonly number: number
  readonly text: string
}

function entryOf(number: unknown, text: unknown): Entry {
  return { number: countOf(number), text: textOf(text) }
}

/** How many items of a group have not been taken yet, and how many were dropped. */
export interface JoinReply {
  readonly size: number
  readonly dropped: number
}

export function joinReply(reply: unknown): JoinReply {
  const [size, dropped] = listOfLength(reply, 2)
  return { size: numberOf(size), dropped: countOf(dropped) }
}

export interface StepReply extends JoinReply {
  /** How many of the dropped items no process has reported yet. */
  readonly untold: number
  readonly taken: Entry | undefined
}

export function stepReply(reply: unknown): StepReply {
  const list = listOf(reply)
  const [size, dropped, untold, number, text] = list
  if (list.length !== 3 && list.length !== 5) throw malformed(reply)
  return {
    size: numberOf(size),
    dropped: countOf(dropped),
    untold: numberOf(untold),
    taken: list.length === 5 ? entryOf(number, text) : undefined,
  }
}

/** The number of the last item, and the items after the last read. */
export interface ReadReply {
  readonly last: number
  readonly entries: readonly Entry[]
}

export function readReply(reply: unknown): ReadReply {
  const [last, ...parts] = listOf(reply)
  const entries: Entry[] = []
  for (let i = 0; i < parts.length; i += 2) entries.push(entryOf(parts[i], parts[i + 1]))
  return { last: countOf(last), entries }
}

export function groupOf(reply: unknown): BroadcastGroup {
  const [group, waiting, running, dropped] = listOfLength(reply, 4)
  return {
    group: textOf(group),
    waiting: numberOf(waiting),
    running: countOf(running),
    dropped: countOf(dropped),
  }
}
