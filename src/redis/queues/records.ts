import type { Codec } from '../../queues/queue-options.ts'
import type { JobRecord, StoredRecord, TryRecord } from '../../queues/store/job-record.ts'
import type { Claim } from '../../queues/store/job-store.ts'
import { jsonOf } from '../scripts/reply.ts'
import { open, outcomeOf, readValue } from './envelope.ts'
import { readPlace, readToken } from './place.ts'
import type { Told } from './replies.ts'
import type { Taken } from './step-script.ts'

const CREATED = '\u0003'
/** An own id, or a dedupe key: there may be another job of that id, or the job may begin anew. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what separates the parts of a place.
const RECURS = /[\u0005\u0007]/

/** A job as it was claimed. @throws what the codec throws */
export function claimOf<T>(
  { token, record, before }: Taken,
  codec: Codec<T>,
  maxDeliveries: number,
): Claim<T> {
  const { place, delivery } = readToken(token)
  const run = RECURS.test(place) ? runOf(place, delivery) : undefined
  if (before === '') {
    return { record: recordOf(place, record, codec, 0, delivery), delivery, token, run }
  }
  const [, failures, losses] = before.split(':').map(Number)
  const suspect = losses !== undefined && losses > 0 && losses >= maxDeliveries - 1
  const job = recordOf(place, record, codec, failures ?? 0, delivery)
  return { record: job, delivery, token, run, ...(suspect && { suspect }) }
}

/** The name of one run of a job, as the scripts write it with its end: see lua/rare.lua. */
function runOf(place: string, delivery: number): string {
  return `${readPlace(place).turn.toString(16).padStart(13, '0')}.${delivery}`
}

function recordOf<T>(
  place: string,
  record: string,
  codec: Codec<T>,
  failures: number,
  deliveries: number,
): JobRecord<T> {
  const lineEnd = record.indexOf('\n')
  const { group, priority, id, key, cost, turn } = readPlace(place)
  const opened = open<T>(record.slice(lineEnd + 1), codec)
  const createdAt = record.lastIndexOf(CREATED, lineEnd)
  const created = createdAt < 0 ? turn : Number.parseInt(record.slice(createdAt + 1, lineEnd), 16)
  return {
    id: opened.id ?? id,
    item: opened.item,
    priority,
    group: opened.group ?? (group === '' ? undefined : group),
    limiterKey: opened.key ?? (key === undefined ? undefined : key.slice(key.indexOf(':') + 1)),
    cost,
    failures,
    deliveries,
    createdAt: created / 1000,
    terms: opened.terms,
  }
}

/** The whole record of a job. An item that the codec cannot read is `undefined`. */
export function storedOf<T>(told: Told, codec: Codec<T>): StoredRecord<T> {
  const { state, place, record, claimed, ends, tries: triesText, progress, at, token } = told
  const [n = '0', failures = '0', , began = ''] = claimed.split(':')
  const held = token === '' ? undefined : readToken(token)
  const deliveries = held?.delivery ?? Number(n)
  let job: JobRecord<T>
  try {
    job = recordOf(place, record, codec, Number(failures), deliveries)
  } catch {
    job = recordOf(place, record, UNREADABLE as Codec<T>, Number(failures), deliveries)
  }
  const tries = triesOf(triesText)
  if (held !== undefined) tries.push({ startedAt: held.startedAt })
  const last = tries.findLast(({ endedAt }) => endedAt !== undefined)
  const ended = ends === '' ? undefined : outcomeOf(ends)
  const started = began === '' ? tries[0]?.startedAt : Number.parseInt(began, 16)
  return {
    ...job,
    state,
    startedAt: started,
    endedAt: state === 'dead' || state === 'completed' ? Math.floor(Number(at)) : undefined,
    dueAt: state === 'delayed' ? Number(at) : undefined,
    progress: readValue(progress),
    result: ended?.state === 'completed' ? ended.value : undefined,
    error: ended?.state === 'failed' ? ended.error : last?.error,
    tries: tries.slice(-5),
  }
}

const UNREADABLE: Codec<undefined> = {
  name: 'unreadable',
  encode: () => '',
  decode: () => undefined,
}

function triesOf(text: string): TryRecord[] {
  if (text === '') return []
  return text.split('\n').map((line) => {
    const [began = '', ended = '', ...rest] = line.split(' ')
    const error = rest.join(' ')
    return {
      startedAt: Number.parseInt(began, 16),
      endedAt: Number.parseInt(ended, 16),
      ...(error !== '' && { error: jsonOf(error) }),
    }
  })
}
