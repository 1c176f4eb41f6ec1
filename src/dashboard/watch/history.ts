import type { Millis } from '../../core/duration.ts'
import type { DashboardState, HistoryState, Sample } from '../state.ts'

/** One sample in so long. */
export const SPACING: Millis = 5_000
/** How many points of a series are sent: a chart has no more pixels to tell them apart. */
const MOST_POINTS = 360
/** How many parts have a past: memory is bounded. */
const MOST_SERIES = 500

/** The samples of the past, in a ring. What was not known is `null`. */
export class History {
  readonly #most: number
  #times: number[] = []
  readonly #series = new Map<string, (number | null)[][]>()

  constructor(keep: Millis) {
    this.#most = Math.max(1, Math.ceil(keep / SPACING))
  }

  /** Is it time for another? */
  due(now: Millis): boolean {
    return now - (this.#times.at(-1) ?? -Infinity) >= SPACING - 500
  }

  add(state: DashboardState): Sample {
    const values = valuesOf(state)
    const before = this.#times.length
    this.#times.push(state.at)
    for (const [name, figures] of Object.entries(values)) {
      let series = this.#series.get(name)
      if (series === undefined) {
        if (this.#series.size >= MOST_SERIES) continue
        series = figures.map(() => new Array<number | null>(before).fill(null))
        this.#series.set(name, series)
      }
      for (const [i, figure] of figures.entries()) series[i]?.push(figure)
    }
    for (const [name, series] of this.#series) {
      for (const list of series) if (list.length <= before) list.push(null)
      if (series[0]?.every((value) => value === null)) this.#series.delete(name)
    }
    if (this.#times.length > this.#most) {
      this.#times.shift()
      for (const series of this.#series.values()) for (const list of series) list.shift()
    }
    return { at: state.at, values }
  }

  /** All of it, thinned to what a chart can show. */
  state(): HistoryState {
    const step = Math.max(1, Math.ceil(this.#times.length / MOST_POINTS))
    const thin = <V>(list: readonly V[]) =>
      step === 1 ? [...list] : list.filter((_, i) => (list.length - 1 - i) % step === 0)
    const series: Record<string, (number | null)[][]> = {}
    for (const [name, lists] of this.#series) series[name] = lists.map(thin)
    return { times: thin(this.#times), series }
  }
}

/** The figures of each part that have a past. Their order is the page's business too: see `page/series.ts`. */
function valuesOf(state: DashboardState): Record<string, (number | null)[]> {
  const values: Record<string, (number | null)[]> = {}
  for (const [name, { allowed, denied }] of Object.entries(state.limiters)) {
    values[`limiter/${name}`] = [short(allowed), short(denied)]
  }
  for (const [name, { oldest, put, done, run, failure }] of Object.entries(state.queues)) {
    const known = failure === undefined
    values[`queue/${name}`] = [known ? short(oldest) : null, short(put), short(done), short(run)]
  }
  for (const [name, breaker] of Object.entries(state.breakers)) {
    const { state: now, passing, failing, refused } = breaker
    const level = now === 'closed' ? 0 : now === 'half_open' ? 1 : 2
    const bad = refused === undefined ? undefined : refused + (failing ?? 0)
    values[`breaker/${name}`] = [level, short(passing), short(bad)]
  }
  for (const [name, { late }] of Object.entries(state.processes)) {
    values[`process/${name}`] = [short(late)]
  }
  for (const [name, { workers }] of Object.entries(state.pools)) values[`pool/${name}`] = [workers]
  return values
}

/** Three significant digits are enough for a line, and half as long on the way. */
function short(value: number | undefined): number | null {
  return value === undefined ? null : Number(value.toPrecision(3))
}
