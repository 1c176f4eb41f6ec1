/** So many texts are remembered in each of two maps, about 100 bytes each. */
const MOST = 131_072

/**
 * Answers to texts that come again and again, in bounded memory: two maps, of which the older one is forgotten when the
 * newer one is full. So a text that comes often stays, at the cost of one look-up.
 */
export class TextCache {
  #recent = new Map<string, string>()
  #older = new Map<string, string>()

  get(text: string): string | undefined {
    const recent = this.#recent.get(text)
    if (recent !== undefined) return recent
    const older = this.#older.get(text)
    return older === undefined ? undefined : this.set(text, older)
  }

  set(text: string, answer: string): string {
    if (this.#recent.size >= MOST) {
      this.#older = this.#recent
      this.#recent = new Map()
    }
    // A part of a line keeps all of the line in memory, so what is kept is a copy.
    this.#recent.set(text === answer ? answer : Buffer.from(text).toString(), answer)
    return answer
  }
}
