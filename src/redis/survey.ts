import type { Survey, SurveyedLease, SurveyedQueue, SurveyedSchedule } from '../core/survey.ts'
import { SCRIPTS } from './scripts/lua.generated.ts'
import { jsonOf, listOf, malformed, numberOf, textOf } from './scripts/reply.ts'
import { type Script, script } from './scripts/script.ts'

const SURVEY = script(SCRIPTS['survey'] as string)
/** How many calls one survey makes at most: 2,000 keys each. */
const MOST_CALLS = 250

/** Lists what is kept on one server of a storage: scans the names of its keys, a few thousand at a time. */
export async function survey(
  prefix: string,
  values: readonly string[],
  run: (script: Script, args: string[]) => Promise<unknown>,
): Promise<Survey> {
  const queues: SurveyedQueue[] = []
  const leases: SurveyedLease[] = []
  const schedules: SurveyedSchedule[] = []
  const wanted: [string, unknown][] = []
  // SCAN may return a key twice.
  const known = new Set<string>()
  let cursor = '0'
  let about = ''
  for (let calls = 0; calls < MOST_CALLS; calls++) {
    const reply = listOf(await run(SURVEY, [cursor, prefix, ...values]))
    const [next, time, server, list] = reply
    if (reply.length !== 4) throw malformed(reply)
    const found = listOf(list)
    const now = numberOf(time)
    for (let i = 0; i < found.length; ) {
      const kind = textOf(found[i])
      const name = textOf(found[i + 1])
      const first = found[i + 2]
      const fresh = !known.has(`${kind} ${name}`)
      known.add(`${kind} ${name}`)
      if (kind === 'queue') {
        const [codec, processes, jobs] = found.slice(i + 3, i + 6)
        if (fresh) {
          queues.push({
            name,
            kind: textOf(first),
            codec: textOf(codec),
            processes: numberOf(processes),
            jobs: numberOf(jobs),
          })
        }
        i += 6
      } else if (kind === 'lease') {
        const left = Math.max(0, (numberOf(found[i + 3]) - now) / 1e6)
        if (fresh) leases.push({ name, token: numberOf(first), left })
        i += 4
      } else if (kind === 'schedule') {
        if (fresh) schedules.push({ name, last: numberOf(first) })
        i += 3
      } else {
        if (fresh) wanted.push([name, jsonOf(textOf(first))])
        i += 3
      }
    }
    cursor = textOf(next)
    about = textOf(server)
    if (cursor === '0') break
  }
  const [version = '', memory, maxMemory, policy = '', scripts] = about.split(' ')
  return {
    queues,
    leases,
    schedules,
    values: wanted,
    partial: cursor !== '0',
    server: {
      version,
      memory: Number(memory ?? 0),
      maxMemory: Number(maxMemory ?? 0),
      policy: policy === '-' ? '' : policy,
      scripts: Number(scripts ?? 0),
    },
  }
}

/** Lists what is kept on all servers of a Cluster. */
export function together(surveys: readonly Survey[]): Survey {
  const [first] = surveys
  if (first === undefined || surveys.length === 1) return first as Survey
  const servers = surveys.map(({ server }) => server)
  return {
    queues: surveys.flatMap(({ queues }) => queues),
    leases: surveys.flatMap(({ leases }) => leases),
    schedules: surveys.flatMap(({ schedules }) => schedules),
    values: surveys.flatMap(({ values }) => values),
    partial: surveys.some(({ partial }) => partial),
    server: {
      ...first.server,
      memory: servers.reduce((sum, { memory }) => sum + memory, 0),
      maxMemory: servers.reduce((sum, { maxMemory }) => sum + maxMemory, 0),
      scripts: servers.reduce((sum, { scripts }) => sum + scripts, 0),
    },
  }
}
