import type { DashboardState, Sample, Snapshot, Viewer } from '../state.ts'
import { rounded, Sent } from '../watch/delta.ts'
import type { Sampler } from '../watch/sampler.ts'
import type { Sink } from './answer.ts'

/** How many pages may be open at once. */
const MOST = 1000

interface Page {
  readonly sink: Sink
  readonly viewer: Viewer
  /** True when the page has fallen behind, or got nothing yet: then it gets the whole state. */
  behind: boolean
}

/** Sends each state to all open pages. The changes are written as text once for all pages. */
export class Streams {
  readonly #sampler: Sampler
  readonly #pages = new Set<Page>()
  #sent = new Sent()
  #told = 0
  #stop: (() => void) | undefined

  constructor(sampler: Sampler) {
    this.#sampler = sampler
  }

  get full(): boolean {
    return this.#pages.size >= MOST
  }

  open(sink: Sink, viewer: Viewer): () => void {
    const page: Page = { sink, viewer, behind: true }
    this.#pages.add(page)
    // After a lost connection the browser tries again in 2 s.
    sink.write('retry: 2000\n\n')
    this.#stop ??= this.#sampler.listen((state, sample) => this.#send(state, sample))
    // The first state comes at once, and is the whole state.
    this.#sampler.state().then(
      (state) => {
        if (page.behind && this.#pages.has(page)) this.#sendAll(page, state)
      },
      () => {},
    )
    return () => {
      this.#pages.delete(page)
      if (this.#pages.size > 0) return
      this.#stop?.()
      this.#stop = undefined
      this.#sent = new Sent()
    }
  }

  close(): void {
    for (const { sink } of this.#pages) sink.end()
    this.#pages.clear()
    this.#stop?.()
    this.#stop = undefined
  }

  #send(state: DashboardState, sample: Sample | undefined): void {
    const changes = this.#sent.changes(state)
    const { happenings } = this.#sampler
    const happened = happenings.after(this.#told)
    this.#told = happenings.last
    const members = [
      `"at":${state.at}`,
      ...(changes === '' ? [] : [changes]),
      ...(sample === undefined ? [] : [`"sample":${JSON.stringify(sample)}`]),
      ...(happened.length === 0 ? [] : [`"happened":${JSON.stringify(happened)}`]),
    ]
    const text = `event: delta\nid: ${state.at}\ndata: {${members.join()}}\n\n`
    for (const page of this.#pages) {
      if (!page.sink.ready) page.behind = true
      else if (page.behind) this.#sendAll(page, state)
      else page.sink.write(text)
    }
  }

  #sendAll(page: Page, state: DashboardState): void {
    page.behind = false
    const data = JSON.stringify(snapshotOf(this.#sampler, state, page.viewer), rounded)
    page.sink.write(`event: snapshot\nid: ${state.at}\ndata: ${data}\n\n`)
  }
}

/** The whole state, which a page gets first. */
export function snapshotOf(sampler: Sampler, state: DashboardState, me: Viewer): Snapshot {
  const past = sampler.history.state(state.at)
  return { ...state, me, past, happened: sampler.happenings.after(0) }
}
