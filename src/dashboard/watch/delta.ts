import { type DashboardState, SECTIONS } from '../state.ts'

/** The last state that was sent: the text of each part, so that only changed parts are sent again. */
export class Sent {
  readonly #sections = new Map<string, Map<string, string>>()
  #troubles = ''

  /** The changes since the call before, as members of a JSON object; '' when there are none. */
  changes(state: DashboardState): string {
    const members: string[] = []
    for (const section of SECTIONS) {
      const before = this.#sections.get(section) ?? new Map<string, string>()
      const now = new Map<string, string>()
      const changed: string[] = []
      for (const [name, part] of Object.entries(state[section])) {
        const text = JSON.stringify(part, rounded)
        now.set(name, text)
        if (before.get(name) !== text) changed.push(`${JSON.stringify(name)}:${text}`)
      }
      for (const name of before.keys()) {
        if (!now.has(name)) changed.push(`${JSON.stringify(name)}:null`)
      }
      this.#sections.set(section, now)
      if (changed.length > 0) members.push(`"${section}":{${changed.join()}}`)
    }
    const troubles = JSON.stringify(state.troubles)
    if (troubles !== this.#troubles) members.push(`"troubles":${troubles}`)
    this.#troubles = troubles
    return members.join()
  }
}

/** Rounds numbers with a fraction to four digits: more digits would change each second and tell nothing. */
export function rounded(_key: string, value: unknown): unknown {
  return typeof value === 'number' && !Number.isInteger(value)
    ? Number(value.toPrecision(value < 1000 ? 4 : 7))
    : value
}
