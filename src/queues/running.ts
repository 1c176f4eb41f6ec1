import type { QueuedJob } from './job.ts'

/** The jobs whose handlers run, in the order they began. Linked as a `Line` is, by links of their own. */
export class Running implements Iterable<QueuedJob> {
  size = 0
  #first: QueuedJob | undefined = undefined
  #last: QueuedJob | undefined = undefined

  add(job: QueuedJob): void {
    const last = this.#last
    if (last === undefined) this.#first = job
    else {
      last.runsBefore = job
      job.runsAfter = last
    }
    this.#last = job
    this.size += 1
  }

  has(job: QueuedJob): boolean {
    return this.#first === job || job.runsAfter !== undefined
  }

  remove(job: QueuedJob): void {
    const { runsAfter, runsBefore } = job
    if (runsAfter === undefined) this.#first = runsBefore
    else {
      runsAfter.runsBefore = runsBefore
      job.runsAfter = undefined
    }
    if (runsBefore === undefined) this.#last = runsAfter
    else {
      runsBefore.runsAfter = runsAfter
      job.runsBefore = undefined
    }
    this.size -= 1
  }

  *[Symbol.iterator](): Iterator<QueuedJob> {
    for (let job = this.#first; job !== undefined; ) {
      const { runsBefore } = job
      yield job
      job = runsBefore
    }
  }
}
