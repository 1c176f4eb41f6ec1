import {
  type Delta,
  type Happening,
  type Sample,
  SECTIONS,
  type Snapshot,
  type Trouble,
} from '../state.ts'

/** The place in the page that is shown. It stands in the address, so that it can be sent to others. */
export interface Place {
  view: string
  name: string | undefined
  what: string | undefined
  id: string | undefined
  filter: string
  sort: string
  state: string
  range: string
  all: string
  /** Where a list begins that has several pages. */
  from: string
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] }
export type State = Mutable<Snapshot>

/** A chart has no more points. */
const MOST = 360

/** What the page knows, and the listeners to it. */
export const store = {
  state: undefined as State | undefined,
  /** When it was heard last, by the clock of this machine. */
  heard: 0,
  lost: undefined as number | undefined,
  attempt: 0,
  held: false,
  changed: (): void => {},
}

let source: EventSource | undefined
let failures = 0
let polling: ReturnType<typeof setTimeout> | undefined

/** Connects, and stays so while the page is to be seen. */
export function connect(): void {
  clearTimeout(polling)
  source?.close()
  if (document.hidden) return
  // Where nothing has been seen yet, the first failure is enough to try otherwise.
  const patience = store.state === undefined ? 1 : 3
  if (typeof EventSource !== 'function' || (failures >= patience && failures % 4 !== 0)) {
    return void poll()
  }
  source = new EventSource('api/stream')
  source.addEventListener('snapshot', (event) => heard(() => take(JSON.parse(event.data))))
  source.addEventListener('delta', (event) => heard(() => merge(JSON.parse(event.data))))
  source.onerror = () => {
    source?.close()
    lose()
    polling = setTimeout(connect, Math.min(10_000, 500 * 2 ** Math.min(failures, 4)))
  }
}

document.addEventListener('visibilitychange', connect)
// A connection may be dead without a word.
setInterval(() => {
  if (document.hidden || store.state === undefined) return
  if (Date.now() - store.heard > 5000 && store.lost === undefined) {
    lose()
    connect()
  } else if (store.lost !== undefined) store.changed()
}, 1000)

async function poll(): Promise<void> {
  try {
    const response = await fetch('api/state')
    if (!response.ok) throw new Error(String(response.status))
    const state = await response.json()
    heard(() => take(state), false)
    polling = setTimeout(poll, 1500)
  } catch {
    lose()
    polling = setTimeout(connect, 3000)
  }
}

function heard(change: () => void, streams = true): void {
  if (streams) failures = 0
  store.heard = Date.now()
  store.lost = undefined
  store.attempt = 0
  change()
  store.changed()
}

function lose(): void {
  failures += 1
  store.attempt += 1
  store.lost ??= store.heard || Date.now()
  store.changed()
}

function take(snapshot: State): void {
  store.state = snapshot
}

function merge(delta: Delta): void {
  const { state } = store
  if (state === undefined) return
  state.at = delta.at
  for (const section of SECTIONS) {
    const changed = delta[section] as Record<string, unknown> | undefined
    if (changed === undefined) continue
    const parts = new Map(Object.entries(state[section] as object))
    for (const [name, part] of Object.entries(changed)) {
      if (part === null) parts.delete(name)
      else parts.set(name, part)
    }
    ;(state as Record<string, unknown>)[section] = Object.fromEntries(parts)
  }
  if (delta.troubles !== undefined) state.troubles = delta.troubles as readonly Trouble[]
  if (delta.sample !== undefined) add(state, delta.sample)
  if (delta.happened !== undefined) {
    const last = state.happened.at(-1)?.id ?? 0
    const fresh = delta.happened.filter((each: Happening) => each.id > last)
    state.happened = [...state.happened, ...fresh].slice(-200)
  }
}

function add(state: State, { at, values }: Sample): void {
  const { times, series } = state.past
  if (at <= (times.at(-1) ?? 0)) return
  const length = times.length
  const next: Record<string, (readonly (number | null)[])[]> = {}
  for (const name of new Set([...Object.keys(series), ...Object.keys(values)])) {
    const now = values[name]
    const before = series[name] ?? (now ?? []).map(() => new Array<null>(length).fill(null))
    next[name] = before.map((list, i) => [...list, now?.[i] ?? null].slice(-MOST))
  }
  state.past = { times: [...times, at].slice(-MOST), series: next }
}

export function place(): Place {
  const [path = '', query = ''] = location.hash.slice(1).split('?')
  const [, view = '', name, what, id] = path.split('/').map(decode)
  const params = new URLSearchParams(query)
  return {
    view: view || 'now',
    name: name || undefined,
    what: what || undefined,
    id: id || undefined,
    filter: params.get('filter') ?? '',
    sort: params.get('sort') ?? '',
    state: params.get('state') ?? '',
    range: params.get('range') ?? '',
    all: params.get('all') ?? '',
    from: params.get('from') ?? '',
  }
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** The address of a place in the page. */
export function link(view: string, ...rest: (string | undefined)[]): string {
  const parts = rest.filter((part) => part !== undefined).map((part) => encodeURIComponent(part))
  const { range: chosen } = place()
  return `#/${[view, ...parts].join('/')}${chosen && `?range=${chosen}`}`
}

/** Changes what stands behind the `?` of the address. */
export function change(values: Partial<Omit<Place, 'view' | 'name' | 'what' | 'id'>>): void {
  const [path = '', query = ''] = location.hash.split('?')
  const params = new URLSearchParams(query)
  for (const [name, value] of Object.entries(values)) {
    if (value) params.set(name, value)
    else params.delete(name)
  }
  const text = params.toString()
  history.replaceState(null, '', `${path || '#/now'}${text && `?${text}`}`)
  store.changed()
}
