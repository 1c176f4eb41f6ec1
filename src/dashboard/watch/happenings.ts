import type { Millis } from '../../core/duration.ts'
import type { Happening, Trouble } from '../state.ts'

/** How many are remembered. */
const MOST = 200

/** The latest events: troubles that began and ended, and actions of users. */
export class Happenings {
  readonly #list: Happening[] = []
  #id = 0

  add(happening: Omit<Happening, 'id'>): Happening {
    this.#id += 1
    const told = { id: this.#id, ...happening }
    this.#list.push(told)
    if (this.#list.length > MOST) this.#list.shift()
    return told
  }

  trouble(
    { kind, name, code, level, since }: Trouble,
    phase: 'began' | 'ended',
    now: Millis,
  ): void {
    this.add({ at: phase === 'began' ? since : now, kind, name, code, level, phase })
  }

  /** The events after the event `id`, oldest first. */
  after(id: number): Happening[] {
    return this.#list.filter((each) => each.id > id)
  }

  get last(): number {
    return this.#id
  }
}
