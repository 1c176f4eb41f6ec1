import { store } from './store.ts'

// biome-ignore lint/suspicious/noExplicitAny: each path has an answer of its own.
export type Answer = any

interface KeptAnswer {
  said: Answer
  /** When it was asked last. */
  at: number
}

/** The path of a part, of what is in it, of what is done to it. */
export function pathTo(...names: string[]): string {
  return names.map(encodeURIComponent).join('/')
}

/** How many answers are kept. */
const MOST = 30
const answers = new Map<string, KeptAnswer>()

/**
 * What the server says to a path; `undefined` until it has answered. It is asked again while the page draws it: the page is drawn once a
 * second at least, and not while it is hidden.
 *
 * @param every for how many milliseconds an answer is good
 */
export function answerTo(path: string, every = 1900): Answer {
  let known = answers.get(path)
  if (known === undefined) {
    known = { said: undefined, at: -Infinity }
    answers.set(path, known)
    const [first] = answers.keys()
    if (answers.size > MOST) answers.delete(first as string)
  }
  const now = Date.now()
  if (now - known.at >= every && store.lost === undefined) {
    const asked = known
    asked.at = now
    void ask(path)
      .catch((error) => ({ error: String(error.message) }))
      .then((said) => {
        asked.said = said
        store.changed()
      })
  }
  return known.said
}

/** Acts. @throws Error with what the server says */
export async function act(path: string, body: object = {}): Promise<void> {
  const response = await fetch(`api/${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  const answer = await response.json().catch(() => ({ error: response.statusText }))
  if (!response.ok) throw new Error(answer.error)
  // What was asked before may have changed.
  for (const known of answers.values()) known.at = -Infinity
}

async function ask(path: string): Promise<Answer> {
  const response = await fetch(`api/${path}`)
  if (!response.ok) throw new Error(String(response.status))
  return response.json()
}
