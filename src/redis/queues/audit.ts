import { PARTS } from './keys.ts'
import { placeOf, readPlace, readToken } from './place.ts'

/** All that a queue keeps, as `look` returns it: for each key its fields or members and values, one after the other. */
export type Raw = readonly (readonly string[])[]

/**
 * Compares the records of a queue with its indexes.
 *
 * @returns one line for each difference; an empty list where there is none
 */
export function audit(raw: Raw): string[] {
  const faults: string[] = []
  const of = (part: string) => pairs(raw[PARTS.indexOf(part)] ?? [])
  const meta = of('meta')
  const jobs = of('jobs')
  const ready = of('ready')
  const delayed = of('delayed')
  const leases = of('leases')
  const dead = of('dead')
  const completed = of('completed')
  const ends = of('ends')
  const marks = of('marks')
  const unique = of('unique')
  const remembered = of('remembered')
  const ring = of('ring')
  const lanes = of('lanes')
  const running = of('running')
  const closed = of('closed')
  const parked = of('parked')

  const standing = new Map<string, string[]>()
  const stands = (id: string, where: string) => {
    standing.set(id, [...(standing.get(id) ?? []), where])
  }
  const places = new Map<string, string>()
  for (const [id, record] of jobs) places.set(id, placeOf(id, headOf(record)))
  const heads = new Map<string, string>()
  for (const member of lanes.keys()) {
    const [lane = ''] = member.split('\u0002')
    const [group = '', key = ''] = lane.split('\u0001')
    const id = readPlace(member.slice(group.length + 1 + key.length)).id
    stands(id, 'lanes')
    if (!heads.has(lane)) heads.set(lane, id)
  }
  for (const place of ready.keys()) {
    const { id, key, group } = readPlace(place)
    if (places.get(id) !== place) faults.push(`${id} waits in a place that its record does not say`)
    if (key === undefined) stands(id, 'ready')
    else if (heads.get(`${group}\u0001${key}`) !== id) {
      faults.push(`${id} is a candidate and not the first of its lane`)
    }
  }
  for (const place of delayed.keys()) stands(readPlace(place).id, 'delayed')
  for (const token of leases.keys()) stands(readPlace(readToken(token).place).id, 'leases')
  for (const id of dead.keys()) stands(id, 'dead')
  for (const id of completed.keys()) stands(id, 'completed')
  for (const id of jobs.keys()) {
    const where = standing.get(id) ?? []
    if (where.length !== 1) faults.push(`${id} stands in ${where.join(' and ') || 'no index'}`)
  }
  for (const id of standing.keys()) if (!jobs.has(id)) faults.push(`${id} has no record`)

  const living = new Map<string, string>()
  for (const [id, place] of places) {
    const key = readPlace(place).unique
    if (key === undefined || dead.has(id) || completed.has(id)) continue
    living.set(key, id)
    if (nameOf(unique.get(key)) !== id) faults.push(`${id} has not its key ${key}`)
  }
  for (const [key, text] of unique) {
    const name = nameOf(text)
    const free = living.get(key) !== name && !remembered.has(`\u0001${key}`)
    if (free) faults.push(`the key ${key} is that of ${name}, which has ended`)
  }

  for (const name of ['claimed', 'tries', 'progress']) {
    for (const id of of(name).keys())
      if (!jobs.has(id)) faults.push(`${id} of ${name} has no record`)
  }
  for (const id of ends.keys()) {
    if (!dead.has(id) && !completed.has(id)) faults.push(`${id} has an end and has not ended`)
  }
  for (const [mark, text] of marks) {
    // An own id is that of a job which waits or runs; all other marks are those of their jobs.
    const stands = mark.startsWith('=')
    const id = stands ? nameOf(text.split('\u0002')[0]) : mark.slice(1)
    const where = standing.get(id ?? '') ?? []
    const shared = /^[*=~]/.test(mark) && where.some((one) => one !== 'dead' && one !== 'completed')
    const isBirth = mark.startsWith('@') && where.length > 0
    if (!shared && !isBirth && !where.includes('leases'))
      faults.push(`${mark} marks no running job`)
  }

  const candidates = new Set([...ready.keys()].map((place) => readPlace(place).group))
  for (const [lane, id] of heads) {
    const [group = '', key = ''] = lane.split('\u0001')
    const isParked = parked.has(`${key}\u0002${group}`)
    const isReady = ready.has(places.get(id) ?? '')
    if (isParked === isReady) {
      faults.push(`the lane ${key} of ${group} is ${isReady ? 'open and parked' : 'in no index'}`)
    }
    if (isParked && !closed.has(key)) faults.push(`the key ${key} has parked lanes and no time`)
  }
  for (const entry of parked.keys()) {
    const [key = '', group = ''] = entry.split('\u0002')
    if (!heads.has(`${group}\u0001${key}`)) faults.push(`the lane ${key} of ${group} is empty`)
  }
  if (!meta.has('routed')) return faults
  const bound = Number(meta.get('bound') ?? Infinity)
  const counts = new Map<string, number>()
  for (const token of leases.keys()) {
    const { group } = readPlace(readToken(token).place)
    if (group !== '') counts.set(group, (counts.get(group) ?? 0) + 1)
  }
  for (const group of new Set([...counts.keys(), ...running.keys()])) {
    const count = counts.get(group) ?? 0
    const written = Number(running.get(group) ?? 0)
    if (bound < Infinity && count !== written) {
      faults.push(`${count} of group ${group} run, and ${written} are counted`)
    }
  }
  for (const group of candidates) {
    const full = group !== '' && (counts.get(group) ?? 0) >= bound
    if (!full && !ring.has(group)) faults.push(`the group '${group}' has candidates and no turn`)
  }
  return faults
}

function pairs(list: readonly string[]): Map<string, string> {
  const map = new Map<string, string>()
  for (let i = 0; i < list.length; i += 2) map.set(list[i] as string, list[i + 1] as string)
  return map
}

/** An entry of `unique` that belongs to a job begins with the name of the job. */
function nameOf(text: string | undefined): string | undefined {
  return text?.split('\n')[0]
}

function headOf(record: string): string {
  return (record.split('\n')[0] as string).split('\u0003')[0] as string
}
