import type {
  Claim,
  Ending,
  Inserted,
  JobDraft,
  Outcome,
  Redrive,
  Room,
} from '../../src/queues/store/job-store.ts'
import { label } from '../../src/testing/job-store/plain-ids.ts'
import { before, type PlainJob, type Process } from '../../src/testing/job-store/plain-job.ts'
import { PlainJobs } from '../../src/testing/job-store/plain-jobs.ts'
import { PlainTurns } from '../../src/testing/job-store/plain-turns.ts'
import type { Kept } from '../../src/testing/job-store/terms.ts'

type Job = PlainJob<unknown>

/** A job store with one fault: what it does, the law that tells, and whether random calls find it too. */
export interface Mutant {
  readonly fault: string
  readonly law: string
  readonly model: boolean
  readonly jobs: typeof PlainJobs
}

const mutant = (fault: string, law: string, jobs: typeof PlainJobs, model = false): Mutant => ({
  fault,
  law,
  model,
  jobs,
})

type First = string | undefined

/** The job that has the own id of a draft, or its key, ended or not. */
function likeOf(jobs: readonly Job[], { id, unique }: JobDraft): Job | undefined {
  const like = (job: Job) => unique !== undefined && job.unique?.key === unique.key
  return jobs.find((job) => job.id === id) ?? jobs.findLast(like)
}

/** Jobs that meet drafts in another way: the id of the job that has the id or the key already. */
function meeting(
  change: (meet: () => First, draft: JobDraft, there: Job | undefined) => First,
): typeof PlainJobs {
  class Meeting extends PlainJobs<unknown> {
    protected override firstOf(draft: JobDraft): First {
      return change(() => super.firstOf(draft), draft, likeOf(this.jobs, draft))
    }
  }
  return Meeting as typeof PlainJobs
}

/** Groups that take their turns in another way. */
function turning(turns: new () => PlainTurns): typeof PlainJobs {
  return class extends PlainJobs {
    protected override readonly turns = new turns()
  } as typeof PlainJobs
}

/** Written as `PlainJobs` of any item. */
const change = (jobs: typeof PlainJobs<unknown>): typeof PlainJobs => jobs as typeof PlainJobs

export const MUTANTS: readonly Mutant[] = [
  mutant(
    'knows claims by the id of their job alone',
    'an older claim of a job settles, extends and tells nothing',
    change(
      class extends PlainJobs {
        override held(claim: Claim): Job | undefined {
          const job = this.find(claim.record.id)
          return job?.state === 'running' ? job : undefined
        }
      },
    ),
    true,
  ),
  mutant(
    'knows claims by id and delivery, which a later job with the id has too',
    'a late claim of a job does not settle a later one with its id',
    change(
      class extends PlainJobs {
        override held(claim: Claim): Job | undefined {
          const job = this.find(claim.record.id)
          return job?.holder?.delivery === claim.delivery ? job : undefined
        }
      },
    ),
    true,
  ),
  mutant(
    'puts a released job behind the others',
    'a released job has its old place',
    change(
      class extends PlainJobs {
        protected override end(job: Job, ending: Ending): void {
          super.end(job, ending)
          if (ending.outcome === 'released') job.place = this.now + 0.5
        }
      },
    ),
    true,
  ),
  mutant(
    'puts a retried job behind the others',
    'a retried job has its old place when it is due',
    change(
      class extends PlainJobs {
        protected override end(job: Job, ending: Ending): void {
          super.end(job, ending)
          if (ending.outcome === 'retry') job.place = job.dueAt ?? this.now + 0.5
        }
      },
    ),
    true,
  ),
  mutant(
    'puts a job whose claim was lost behind the others',
    'a job whose claim was lost has its old place',
    change(
      class extends PlainJobs {
        protected override lose(job: Job): void {
          super.lose(job)
          job.place = this.now - 0.5
        }
      },
    ),
    true,
  ),
  mutant(
    'counts a release as a failure',
    'a release counts neither a failure nor a loss',
    change(
      class extends PlainJobs {
        protected override end(job: Job, ending: Ending): void {
          if (ending.outcome === 'released') job.failures += 1
          super.end(job, ending)
        }
      },
    ),
    true,
  ),
  mutant(
    'counts a release as a loss',
    'a release counts neither a failure nor a loss',
    change(
      class extends PlainJobs {
        protected override end(job: Job, ending: Ending): void {
          super.end(job, ending)
          if (ending.outcome !== 'released') return
          job.losses += 1
          if (job.losses >= this.terms.maxDeliveries) {
            this.bury(job, { name: 'Error', message: 'lost' })
          }
        }
      },
    ),
    true,
  ),
  mutant(
    'buries by deliveries, retries included',
    'retries count no losses',
    change(
      class extends PlainJobs {
        protected override end(job: Job, ending: Ending): void {
          super.end(job, ending)
          if (ending.outcome === 'retry' && job.deliveries >= this.terms.maxDeliveries) {
            this.bury(job, { name: 'Error', message: 'lost' })
          }
        }
      },
    ),
    true,
  ),
  mutant(
    'forgets losses when a job is released',
    'losses count over releases and retries between them',
    change(
      class extends PlainJobs {
        protected override end(job: Job, ending: Ending): void {
          job.losses = 0
          super.end(job, ending)
        }
      },
    ),
    true,
  ),
  mutant(
    'gives delayed jobs a millisecond early',
    'a delayed job is not claimed before it is due, and then it is',
    change(
      class extends PlainJobs {
        protected override isDue(job: Job): boolean {
          return (job.dueAt ?? 0) <= this.now + 1
        }
      },
    ),
    true,
  ),
  mutant(
    'gives delayed jobs a millisecond late',
    'a delayed job is not claimed before it is due, and then it is',
    change(
      class extends PlainJobs {
        protected override isDue(job: Job): boolean {
          return (job.dueAt ?? 0) < this.now
        }
      },
    ),
  ),
  mutant(
    'ranks a delayed job by the time of its put',
    'delayed jobs come by the moment they are due',
    change(
      class extends PlainJobs {
        protected override keep(draft: JobDraft): Job {
          const job = super.keep(draft)
          job.place = this.now
          return job
        }
      },
    ),
    true,
  ),
  mutant(
    'claims jobs that run',
    'a job that is claimed is not claimed again while its claim holds',
    change(
      class extends PlainJobs {
        override startable(): Job[] {
          const some = super.startable()
          return some.length > 0 || this.paused ? some : this.inState('running').slice(0, 1)
        }
        override claim(max: number, lease: number, process: Process): Claim[] {
          return super.claim(
            Math.min(max, this.inState('waiting', 'running').length),
            lease,
            process,
          )
        }
      },
    ),
    true,
  ),
  mutant(
    'lets no lease run out',
    'a job whose lease has run out is claimed again, and the loss is no failure',
    change(
      class extends PlainJobs {
        protected override isOver(): boolean {
          return false
        }
      },
    ),
    true,
  ),
  mutant(
    'ends leases early',
    'a claim holds for its lease',
    change(
      class extends PlainJobs {
        protected override isOver(job: Job): boolean {
          return (job.holder?.until ?? Infinity) <= this.now + 60
        }
      },
    ),
  ),
  mutant(
    'counts a lost claim as a failure',
    'a job whose lease has run out is claimed again, and the loss is no failure',
    change(
      class extends PlainJobs {
        protected override lose(job: Job): void {
          job.failures += 1
          super.lose(job)
        }
      },
    ),
    true,
  ),
  mutant(
    'never buries a job whose claims are lost',
    'a job whose claims are lost too often is dead, with a reason',
    change(
      class extends PlainJobs {
        protected override lose(job: Job): void {
          job.losses = -1
          super.lose(job)
        }
      },
    ),
    true,
  ),
  mutant(
    'extends nothing, and says it did',
    'a claim that is extended holds for another lease from then on',
    change(
      class extends PlainJobs {
        override extend(claims: readonly Claim[]): boolean[] {
          return claims.map((claim) => this.held(claim) !== undefined)
        }
      },
    ),
    true,
  ),
  mutant(
    'forgets dead jobs',
    'a job that fails for good is dead, with its error',
    change(
      class extends PlainJobs {
        protected override bury(job: Job, error: { name: string; message: string }): void {
          super.bury(job, error)
          this.delete(job)
        }
      },
    ),
    true,
  ),
  mutant(
    'keeps the oldest of the dead',
    'dead jobs are kept no longer and no more of them than was said',
    change(
      class extends PlainJobs {
        protected override trim(state: 'completed' | 'dead', kept: Kept): void {
          const extra = this.inState(state)
            .sort((a, b) => a.end - b.end)
            .slice(kept.count)
          for (const job of extra) this.delete(job)
          super.trim(state, kept)
        }
      },
    ),
  ),
  mutant(
    'keeps the dead for ever',
    'dead jobs are kept no longer and no more of them than was said',
    change(
      class extends PlainJobs {
        protected override trim(state: 'completed' | 'dead', { age, count }: Kept): void {
          super.trim(state, { age: age * 1e6, count })
        }
      },
    ),
    true,
  ),
  mutant(
    'ignores priorities',
    'a higher priority goes first, arrival decides among equals',
    change(
      class extends PlainJobs {
        override startable(): Job[] {
          return super.startable().sort((a, b) => a.place - b.place || a.serial - b.serial)
        }
      },
    ),
    true,
  ),
  mutant(
    'takes the last among equals',
    'jobs come in the order of their arrival',
    change(
      class extends PlainJobs {
        override startable(): Job[] {
          return super.startable().sort((a, b) => b.priority - a.priority || b.serial - a.serial)
        }
      },
    ),
    true,
  ),
  mutant(
    'moves a job that is given another priority behind its equals',
    'a job that is given another priority moves, and keeps its arrival among its equals',
    change(
      class extends PlainJobs {
        override reprioritise(id: string, priority: number): boolean {
          const job = this.find(id)
          if (job !== undefined) job.place += 0.5
          return super.reprioritise(id, priority)
        }
      },
    ),
    true,
  ),
  mutant(
    'drops the claim of a job that is cancelled',
    'a job that is cancelled while it runs keeps its claim, and is over when it is settled as failed',
    change(
      class extends PlainJobs {
        override cancel(id: string, reason: unknown): boolean {
          const job = this.find(id)
          const answer = super.cancel(id, reason)
          if (job !== undefined && answer && job.holder !== undefined) this.callOff(job)
          return answer
        }
      },
    ),
    true,
  ),
  mutant(
    'retries a job that was cancelled',
    'a job that is cancelled while it runs keeps its claim, and is over when it is settled as retry',
    change(
      class extends PlainJobs {
        protected override end(job: Job, ending: Ending): void {
          job.cancelled = undefined
          super.end(job, ending)
        }
      },
    ),
    true,
  ),
  mutant(
    'calls off a cancelled job that has completed',
    'a cancelled job that completes all the same has completed',
    change(
      class extends PlainJobs {
        protected override complete(job: Job, value: unknown): void {
          if (job.cancelled !== undefined) this.callOff(job)
          else super.complete(job, value)
        }
      },
    ),
    true,
  ),
  mutant(
    'removes a job that runs',
    'remove forgets a job that does not run',
    change(
      class extends PlainJobs {
        override remove(id: string): boolean {
          const job = this.find(id)
          if (job !== undefined) this.drop(job)
          return job !== undefined
        }
      },
    ),
    true,
  ),
  mutant(
    'leaves delayed jobs when it is cleared',
    'clear forgets all jobs that wait, and answers with their items',
    change(
      class extends PlainJobs {
        override clear(): unknown[] {
          const waiting = this.inState('waiting').sort(before)
          for (const job of waiting) this.drop(job)
          return waiting.map((job) => job.item)
        }
      },
    ),
    true,
  ),
  mutant(
    'claims while it is paused',
    'while the queue is paused nothing is claimed, and what runs goes on',
    change(
      class extends PlainJobs {
        override pause(): void {}
      },
    ),
    true,
  ),
  mutant(
    'keeps the failures of a redriven job',
    'redriven jobs wait again behind the others, with their failures forgotten',
    change(
      class extends PlainJobs {
        protected override anew(job: Job, due: number): void {
          const { failures } = job
          super.anew(job, due)
          job.failures = failures
        }
      },
    ),
    true,
  ),
  mutant(
    'redrives jobs that died of another error',
    'redrive takes the ids, the error and the number it is told',
    change(
      class extends PlainJobs {
        override redrive({ error: _, ...which }: Redrive): number {
          return super.redrive(which)
        }
      },
    ),
  ),
  mutant(
    'keeps a part of a call of insert that rejects',
    'nothing is kept of a call of insert that rejects',
    change(
      class extends PlainJobs {
        override insert(drafts: readonly JobDraft[], room: Room, process: Process): Inserted[] {
          return drafts.map((draft) => this.insertOne(draft, room, process))
        }
      },
    ),
  ),
  mutant(
    'forgets delayed jobs when it looks for room',
    'delayed jobs take room, running ones do not',
    change(
      class extends PlainJobs {
        protected override insertOne(draft: JobDraft, room: Room, process: Process): Inserted {
          const delayed = this.inState('delayed').length
          return super.insertOne(draft, { ...room, maxSize: room.maxSize + delayed }, process)
        }
      },
    ),
    true,
  ),
  mutant(
    'drops the newest for room',
    'where the oldest is dropped it makes room for the newest',
    change(
      class extends PlainJobs {
        protected override givesWay(): Job | undefined {
          return this.inState('waiting', 'delayed').at(-1)
        }
      },
    ),
  ),
  mutant(
    'takes a second job while the first with its key runs',
    'pending: refused while the first one waits or runs, and then taken',
    meeting((meet, _, there) => (there?.state === 'running' ? undefined : meet())),
    true,
  ),
  mutant(
    'lets a dead job keep its key',
    'pending: a dead job makes way',
    meeting((meet, _, there) => (there?.state === 'dead' ? there.id : meet())),
    true,
  ),
  mutant(
    'forgets the ids of callers when their jobs end',
    'an id of the caller is taken once, while its job is there and for a time after it',
    meeting((meet, draft, there) =>
      draft.unique === undefined && there === undefined ? undefined : meet(),
    ),
    true,
  ),
  mutant(
    'forgets a key with its job, though its time is not over',
    'ttl: refused for a time from its put, though it has completed',
    meeting((meet, draft, there) =>
      draft.unique?.mode === 'ttl' && there === undefined ? undefined : meet(),
    ),
    true,
  ),
  mutant(
    'keeps the older item of two',
    'latest: the newest item takes the place of the one that waits',
    meeting((meet, draft, there) => {
      const item = there?.item
      const answer = meet()
      if (there !== undefined && draft.unique?.mode === 'latest') there.item = item
      return answer
    }),
    true,
  ),
  mutant(
    'loses an item that comes while its job runs',
    'latest: what comes while it runs is done once more after it',
    meeting((meet, _, there) => {
      const answer = meet()
      if (there !== undefined) there.again = undefined
      return answer
    }),
    true,
  ),
  mutant(
    'runs a newer item once more though a retry has done it',
    'latest: a retry does the newest item, and nothing once more',
    change(
      class extends PlainJobs {
        protected override park(job: Job, delay: number): void {
          const { again } = job
          super.park(job, delay)
          job.again = again
        }
      },
    ),
    true,
  ),
  mutant(
    'puts a debounced job off for ever',
    'debounce: due at most maxDelay after the first',
    meeting((meet, draft, there) => {
      const answer = meet()
      if (there?.state === 'delayed' && draft.unique !== undefined) {
        there.dueAt = (there.dueAt ?? 0) + 100
      }
      return answer
    }),
  ),
  mutant(
    'tells callers that join nothing',
    'coalesce: a process that joins gets the result too',
    change(
      class extends PlainJobs {
        protected override insertOne(draft: JobDraft, room: Room, process: Process): Inserted {
          const there = likeOf(this.jobs, draft)
          const askers = new Set(there?.askers)
          const answer = super.insertOne(draft, room, process)
          if (answer.state === 'duplicate' && there !== undefined) there.askers = askers
          return answer
        }
      },
    ),
  ),
  mutant(
    'takes an own id for the key',
    'pending: an own id is no key, and a key is no own id',
    change(
      class extends PlainJobs {
        protected override insertOne(draft: JobDraft, room: Room, process: Process): Inserted {
          const { id, unique } = draft
          const key = id ?? unique?.key ?? ''
          return super.insertOne(
            unique === undefined ? draft : { ...draft, unique: { ...unique, key } },
            room,
            process,
          )
        }
      },
    ),
    true,
  ),
  mutant(
    'keeps the place of the older of two items',
    'latest: what the newest item was put with counts, while the first one waits',
    meeting((meet, _, there) => {
      if (there === undefined || there.state === 'running') return meet()
      const { priority, group, limiterKey, cost, groupWeight } = there
      const answer = meet()
      Object.assign(there, { priority, group, limiterKey, cost, groupWeight })
      return answer
    }),
    true,
  ),
  mutant(
    'keeps the place of an item that runs for the newest one',
    'latest: what the newest item was put with counts, after a retry',
    change(
      class extends PlainJobs {
        protected override park(job: Job, delay: number): void {
          job.again = undefined
          super.park(job, delay)
        }
      },
    ),
    true,
  ),
  mutant(
    'gives an item that runs the place of the newest one at once',
    'latest: an item that runs keeps its place in the bound of its group',
    meeting((meet, draft, there) => {
      const answer = meet()
      if (there?.state === 'running' && answer === there.id) label(there, draft)
      return answer
    }),
  ),
  mutant(
    'redrives a job though another one has its key',
    'pending: a dead job stays dead while another one has its key',
    change(
      class extends PlainJobs {
        protected override isTaken(): boolean {
          return false
        }
      },
    ),
    true,
  ),
  mutant(
    'lets callers wait for a job that is not there',
    'an unknown id is gone at once',
    change(
      class extends PlainJobs {
        override outcome(id: string, process: Process): Outcome | undefined {
          const outcome = super.outcome(id, process)
          return outcome?.state === 'gone' ? undefined : outcome
        }
      },
    ),
    true,
  ),
  mutant(
    'keeps no result',
    'an awaited job has no outcome until it ends, and then its result',
    change(
      class extends PlainJobs {
        protected override tell(job: Job, outcome: Outcome): void {
          super.tell(job, outcome)
          this.outcomes = []
        }
      },
    ),
    true,
  ),
  mutant(
    'keeps results for ever',
    'a result waits as long as was said, and then it is gone',
    change(
      class extends PlainJobs {
        override catchUp(): boolean {
          const { outcomes } = this
          const changed = super.catchUp()
          this.outcomes = outcomes
          return changed
        }
      },
    ),
  ),
  mutant(
    'tells nobody how a job ended',
    'tells how an awaited job ended, each way',
    change(
      class extends PlainJobs {
        protected override tell(job: Job, outcome: Outcome): void {
          if (job.askers.size > 0) {
            this.outcomes.push({ id: job.id, outcome, until: this.now + this.terms.resultTtl })
          }
        }
      },
    ),
  ),
  mutant(
    'wakes nobody',
    'tells that there is something to claim when a job is put, released, retried or redriven',
    change(
      class extends PlainJobs {
        override announceWork(): void {}
      },
    ),
  ),
  mutant(
    'wakes nobody when time brings a job',
    'tells that there is something to claim when a delayed job is due',
    change(
      class extends PlainJobs {
        override next(): number {
          return Infinity
        }
      },
    ),
  ),
  mutant(
    'tells nobody of room',
    'tells that there is room again after a draft was refused',
    change(
      class extends PlainJobs {
        override announceRoom(): void {}
      },
    ),
  ),
  mutant(
    'tells no holder that its job is cancelled',
    'tells the holder that its job is cancelled',
    change(
      class extends PlainJobs {
        override cancel(id: string, reason: unknown): boolean {
          const holder = this.find(id)?.holder
          if (holder === undefined) return super.cancel(id, reason)
          const job = this.find(id) as Job
          job.cancelled = { reason }
          return true
        }
      },
    ),
  ),
  mutant(
    'serves groups by arrival',
    'groups take turns, however long the backlog of one is',
    turning(
      class extends PlainTurns {
        override next<T>(candidates: readonly PlainJob<T>[]): PlainJob<T> | undefined {
          return candidates[0]
        }
      },
    ),
  ),
  mutant(
    'ignores the weights of groups',
    'a group of weight 2 has two turns where others have one',
    turning(
      class extends PlainTurns {
        override weigh(): void {}
      },
    ),
  ),
  mutant(
    'lets a group that comes later catch up',
    'a group that comes later has its turn within one round, and no more than its share',
    turning(
      class extends PlainTurns {
        #served: (string | undefined)[] = []
        override next<T>(candidates: readonly PlainJob<T>[]): PlainJob<T> | undefined {
          const turns = (job: PlainJob<T>) => this.#served.filter((g) => g === job.group).length
          return [...candidates].sort((a, b) => turns(a) - turns(b))[0]
        }
        override served(group: string | undefined): void {
          this.#served.push(group)
        }
      },
    ),
  ),
  mutant(
    'lets groups go beyond their bound',
    'no more jobs of a group run at once than its bound, and others go on',
    change(
      class extends PlainJobs {
        protected override isBound(): boolean {
          return false
        }
      },
    ),
    true,
  ),
  mutant(
    'asks of a bound only whether it is reached by jobs that are not cancelled',
    'a job that is cancelled gives its place in the bound to the next one of its group',
    change(
      class extends PlainJobs {
        protected override isBound(job: Job, running: readonly Job[]): boolean {
          return super.isBound(
            job,
            running.filter((other) => other.cancelled === undefined),
          )
        }
      },
    ),
    true,
  ),
  mutant(
    'holds up all keys behind one at its limit',
    'no more jobs of a key run at once than the limit, and other keys go on',
    change(
      class extends PlainJobs {
        override startable(): Job[] {
          const [first] = this.inState('waiting').sort(before)
          const some = super.startable()
          return first === undefined || some[0] === first ? some : []
        }
      },
    ),
    true,
  ),
  mutant(
    'lets a cheap job pass a dear one of its key',
    'a start takes as many tokens as it costs, and a dear job is not passed by a cheap one of its key',
    change(
      class extends PlainJobs {
        override startable(): Job[] {
          return this.inState('waiting')
            .sort(before)
            .filter((job) => this.limits.wait(job, this.inState('running'), this.now) === 0)
        }
      },
    ),
  ),
  mutant(
    'takes tokens for nothing',
    'a job that waits for its key takes no token',
    change(
      class extends PlainJobs {
        override startable(): Job[] {
          const some = super.startable()
          for (const job of this.inState('waiting')) {
            if (this.terms.limiter !== undefined && !some.includes(job)) {
              this.limits.take(job, this.now)
            }
          }
          return some
        }
      },
    ),
  ),
]
