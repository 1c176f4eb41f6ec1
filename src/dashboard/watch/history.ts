import type { Millis } from '../../core/duration.ts'
import type { DashboardState, HistoryState, Sample, UsualRange } from '../state.ts'

/** The time from one sample to the next. */
export const SPACING: Millis = 5_000
/** How many points of a series are sent: a chart has not more pixels than that. */
const MOST_POINTS = 360
/** The history that every page gets: all samples of half an hour. */
export const SHORTEST: Millis = MOST_POINTS * SPACING
/** The least samples for a usual range: they take two minutes. */
const FEWEST = 24
/** How many parts have a history: memory is bounded. */
const MOST_SERIES = 500

/** The past samples, in a ring. An unknown value is `null`. */
export class History {
  readonly #most: number
  #times: number[] = []
  readonly #series = new Map<string, (number | null)[][]>()

  constructor(keep: Millis) {
    this.#most = Math.max(1, Math.ceil(keep / SPACING))
  }

  /** True when it is time for the next sample. */
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

  /** The usual range of each figure of a part, from the samples before a moment; `null` when there are too few. */
  usual(name: string, before: Millis): (UsualRange | null)[] {
    const end = this.#times.findIndex((at) => at >= before)
    return (this.#series.get(name) ?? []).map((list) => {
      const values = list.slice(0, end < 0 ? undefined : end).filter((value) => value !== null)
      values.sort((a, b) => a - b)
      const at = (share: number) => values[Math.floor(values.length * share)] as number
      return values.length < FEWEST ? null : [at(0.1), at(0.5), at(0.9)]
    })
  }

  /**
   * The samples of the last `span`, at most as many as a chart can show. For a longer span, a point is the highest of its samples, so that
   * no short trouble is lost.
   */
  state(now: Millis, span: Millis = SHORTEST): HistoryState {
    const size = Math.max(SPACING, span / MOST_POINTS)
    const times: Millis[] = []
    /** For each sample, the index of its point in `times`; -1 for a sample that is too old. */
    const points = this.#times.map((at) => {
      if (at < now - span) return -1
      const before = times.at(-1)
      const shares = size > SPACING && before !== undefined
      if (!shares || Math.floor(before / size) !== Math.floor(at / size)) times.push(at)
      return times.length - 1
    })
    const highest = (list: readonly (number | null)[]) => {
      const values = new Array<number | null>(times.length).fill(null)
      for (const [i, point] of points.entries()) {
        const value = list[i] ?? null
        if (point < 0 || value === null) continue
        values[point] = Math.max(values[point] ?? value, value)
      }
      return values
    }
    const series: Record<string, (number | null)[][]> = {}
    for (const [name, lists] of this.#series) series[name] = lists.map(highest)
    return { times, series }
  }
}

/** The figures with a history of each part. The page knows their order. */
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
  for (const [name, { recent }] of Object.entries(state.schedules)) {
    const run = recent.find(({ outcome }) => outcome === 'running')
    const last = recent.findLast(({ outcome }) => outcome !== 'skipped' && outcome !== 'running')
    values[`schedule/${name}`] = [
      short(run === undefined ? last?.seconds : (state.at - run.at) / 1000),
    ]
  }
  for (const [name, { late }] of Object.entries(state.processes)) {
    values[`process/${name}`] = [short(late)]
  }
  for (const [name, { workers }] of Object.entries(state.pools)) values[`pool/${name}`] = [workers]
  return values
}

/** Three significant digits are enough for a line, and half as long to send. */
function short(value: number | undefined): number | null {
  return value === undefined ? null : Number(value.toPrecision(3))
}
