import type { HistoryState } from '../state.ts'
import { answerTo } from './server.ts'
import { place, store } from './store.ts'

/** How much time charts show, in seconds; as text it stands in the address. */
export const RANGES: readonly (readonly [string, number])[] = [
  ['', 1800],
  ['3h', 10_800],
  ['24h', 86_400],
]

export function range(): number {
  const { range: chosen } = place()
  return RANGES.find(([text]) => text === chosen)?.[1] ?? 1800
}

/** The samples that charts draw. A longer past than half an hour is asked for when it is wanted, and again when it has a new point. */
export function past(): HistoryState {
  const seconds = range()
  const longer =
    seconds === 1800 ? undefined : answerTo(`past?seconds=${seconds}`, (seconds * 1000) / 360)
  if (longer?.times) return longer
  return store.state?.past ?? { times: [], series: {} }
}
