import type { JobDraft, Room } from '../../queues/store/job-store.ts'
import type { LimitDeclaration } from '../../queues/store/queue-storage.ts'
import { type Drafts, type Placed, tripOf, type Written } from './drafts.ts'
import type { QueueLink } from './queue-link.ts'
import { MOST_TEXT } from './trip-size.ts'

/** The most jobs that one trip carries. */
const MOST = 500
/** How many characters are under way at most: what comes after them would be answered after its timeout. A single trip may have more. */
const MOST_UNDER_WAY = 2 * MOST_TEXT

/** One call of `insert`. */
interface Call {
  readonly written: readonly Written[]
  readonly room: Room
  readonly inserted: Placed[]
  /** How many of its jobs have no answer yet. */
  left: number
  readonly resolve: (inserted: Placed[]) => void
  readonly reject: (error: unknown) => void
}

/** A job on its way, and its index in the call. */
interface Passenger {
  readonly job: Written
  readonly call: Call
  readonly index: number
}

/** Jobs that travel together. */
interface Trip {
  readonly passengers: readonly Passenger[]
  readonly room: Room
  /** How many characters they have together. */
  readonly text: number
}

/**
 * Puts jobs into Redis: the jobs of one turn of the event loop travel together, in order. Where they are large, later trips wait for
 * the answers of earlier ones.
 */
export class Puts<T> {
  readonly #link: QueueLink
  readonly #drafts: Drafts<T>
  readonly #resultTtl: number
  readonly #history: boolean
  /** The calls of this turn of the event loop. */
  #calls: Call[] = []
  readonly #waiting: Trip[] = []
  /** How many characters are under way. */
  #underWay = 0

  /** @param history true when each put asks for the history of the data */
  constructor(link: QueueLink, drafts: Drafts<T>, resultTtl: number, history: boolean) {
    this.#link = link
    this.#drafts = drafts
    this.#resultTtl = resultTtl
    this.#history = history
  }

  /**
   * Resolves when all drafts of this call are kept. When it rejects, some of them may be kept, unless a draft was refused.
   *
   * @param limit the limit of the queue
   * @throws (rejects) OptionTypeError | OptionRangeError for a draft that cannot be written, CostTooLargeError for a job that could
   * never start; then no draft of this call is sent
   */
  insert(
    drafts: readonly JobDraft<T>[],
    room: Room,
    limit: LimitDeclaration | undefined,
  ): Promise<Placed[]> {
    return new Promise((resolve, reject) => {
      const written = this.#drafts.write(drafts, limit)
      if (written.length === 0) return resolve([])
      this.#calls.push({ written, room, inserted: [], left: written.length, resolve, reject })
      if (this.#calls.length === 1) queueMicrotask(() => this.#send())
    })
  }

  #send(): void {
    const calls = this.#calls
    this.#calls = []
    let trip: Passenger[] = []
    let room: Room | undefined
    let text = 0
    const leave = () => {
      if (trip.length > 0 && room !== undefined)
        this.#waiting.push({ passengers: trip, room, text })
      trip = []
      text = 0
    }
    for (const call of calls) {
      if (room !== undefined && !sameRoom(room, call.room)) leave()
      room = call.room
      for (const [index, job] of call.written.entries()) {
        if (trip.length === MOST || text + job.envelope.length > MOST_TEXT) leave()
        trip.push({ job, call, index })
        text += job.envelope.length
      }
    }
    leave()
    this.#depart()
  }

  #depart(): void {
    for (;;) {
      const [trip] = this.#waiting
      if (trip === undefined) return
      if (this.#underWay > 0 && this.#underWay + trip.text > MOST_UNDER_WAY) return
      this.#waiting.shift()
      this.#underWay += trip.text
      void this.#travel(trip)
    }
  }

  async #travel({ passengers, room, text }: Trip): Promise<void> {
    try {
      const jobs = passengers.map(({ job }) => job)
      const { args, routed, read } = tripOf(jobs, room, this.#history)
      if (routed) this.#link.route()
      const inserted = await this.#link.run('put', this.#resultTtl, args, read)
      for (const [i, { call, index }] of passengers.entries()) {
        call.inserted[index] = inserted[i] as Placed
        call.left -= 1
        if (call.left === 0) call.resolve(call.inserted)
      }
    } catch (error) {
      for (const { call } of passengers) call.reject(error)
      // What was to follow would meet the same, one timeout later each.
      for (const trip of this.#waiting.splice(0)) {
        for (const { call } of trip.passengers) call.reject(error)
      }
    }
    this.#underWay -= text
    this.#depart()
  }
}

function sameRoom(a: Room, b: Room): boolean {
  return a.maxSize === b.maxSize && a.overflow === b.overflow
}
