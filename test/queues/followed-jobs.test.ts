import { describe, expect, it } from 'vitest'
import { FollowedJobs } from '../../src/queues/enqueue/followed-jobs.ts'
import { type JobVerbs, RemoteJob } from '../../src/queues/enqueue/remote-job.ts'
import { SharedEvents } from '../../src/queues/observe/shared-events.ts'
import { PlainJobStore } from '../../src/testing/job-store/plain-job-store.ts'
import { ManualClock } from '../../src/testing/manual-clock.ts'

const turn = () => new Promise<void>((resolve) => setImmediate(resolve))
const DONE = { state: 'completed', value: 1 } as const
const NO: JobVerbs = {
  callOff: async () => false,
  leave: async () => false,
  reprioritise: async () => false,
}

/** What a process tells of the end of a job whose result it awaits. */
function follow() {
  const clock = new ManualClock()
  const events = new SharedEvents('model', undefined)
  const told: string[] = []
  events.on('completed', ({ job }) => told.push(job.id))
  /** Claims of the job that have not ended in this process. */
  const claims = { held: 0 }
  const followed = new FollowedJobs('model', new PlainJobStore({ clock }), clock, events, {
    worksOn: () => claims.held > 0,
    trouble: (error) => told.push(String(error)),
  })
  const terms = { id: 'a', item: 1, state: 'waiting', priority: 0, at: 1 } as const
  const job = new RemoteJob(terms, 'job', NO, followed)
  const ends = () => {
    claims.held -= 1
    followed.workedOn('a')
  }
  return { followed, job, events, told, claims, ends }
}

/** A job that has ended, of which two claims were held here: the answer of one is there. */
async function oneOfTwoEnded() {
  const all = follow()
  const { followed, job, told, claims, ends } = all
  claims.held = 2
  followed.add(job as RemoteJob, undefined)
  followed.settled('a', DONE, 2)
  ends()
  await turn()
  expect(told).toEqual([])
  return all
}

describe('the jobs whose results are awaited', () => {
  it('are told of by the attempt that ends them, also where the answer of their put comes in that moment', async () => {
    const { followed, job, events, told, claims, ends } = follow()
    claims.held = 1
    await followed.whilePutting(async () => {
      followed.settled('a', DONE, 2)
      ends()
      followed.add(job as RemoteJob, undefined)
      await Promise.resolve()
      events.completed(job, 1)
    })
    await turn()
    expect(told).toEqual(['a'])
    expect(await job.result).toBe(1)
  })

  it('are told of by their attempt, also where a claim that was given back before is answered first', async () => {
    const { job, events, told, ends } = await oneOfTwoEnded()
    ends()
    await Promise.resolve()
    events.completed(job, 1)
    await turn()
    expect(told).toEqual(['a'])
  })

  it('are gone where their end was not heard, and a later job of their id has ended', async () => {
    const { followed, job, told } = follow()
    followed.add(job as RemoteJob, undefined)
    followed.settled('a', { ...DONE, born: 2 }, 3)
    await expect(job.result).rejects.toMatchObject({ code: 'JOB_GONE' })
    expect(told).toEqual([])
  })

  it('are told of where they have ended elsewhere, once no claim of them is left here', async () => {
    const { told, ends } = await oneOfTwoEnded()
    ends()
    await turn()
    expect(told).toEqual(['a'])
  })
})
