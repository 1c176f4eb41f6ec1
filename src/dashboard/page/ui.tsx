import type { ComponentChildren, JSX } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import type { Trouble } from '../state.ts'
import { exact, hour, time } from './format.ts'
import { act, link, store } from './store.ts'
import { w } from './words.ts'

export type Level = 'bad' | 'warn' | 'fine' | 'paused' | 'silent' | 'shadow'

/** The sign of a level: never colour alone. */
export function Mark({ level }: { level: Level }): JSX.Element {
  const shapes: Record<Level, JSX.Element> = {
    bad: <path d="M8 1.5 14.5 8 8 14.5 1.5 8Z" />,
    warn: <path d="M8 2.2 14.5 13.5H1.5Z" />,
    fine: <circle cx="8" cy="8" r="2.4" />,
    paused: <path d="M4 3h3v10H4zM9 3h3v10H9z" />,
    silent: <circle cx="8" cy="8" r="5.4" class="hollow" />,
    shadow: <path d="M8 2 14 8 8 14 2 8Z" class="hollow" />,
  }
  return (
    <svg class={`mark ${level}`} viewBox="0 0 16 16" aria-hidden="true">
      {shapes[level]}
    </svg>
  )
}

/** A moment: relative or of the day, and exact on hover. */
export function At({ at, text }: { at: number; text?: string }): JSX.Element {
  return (
    <time dateTime={new Date(at).toISOString()} title={exact(at)}>
      {text ?? time(at)}
    </time>
  )
}

export function Figure({
  value,
  unit,
  label,
  level,
}: {
  value: string
  unit?: string
  label: string
  level?: string | undefined
}): JSX.Element {
  return (
    <div class="figure">
      <b class={level}>{value}</b>
      {unit && <small class={level}>{unit}</small>}
      <span>{label}</span>
    </div>
  )
}

export function Bar({ share, tone = 'ink' }: { share: number; tone?: string }): JSX.Element {
  const width = Math.max(0, Math.min(1, share || 0)) * 100
  return (
    <svg class="bar" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
      <rect class="track" width="100" height="8" />
      <rect class={`fill-${tone}`} width={width > 0 ? Math.max(1, width) : 0} height="8" />
    </svg>
  )
}

export interface Line {
  readonly values: readonly (number | null)[]
  readonly tone?: string
  readonly fill?: boolean
  readonly dashed?: boolean
}

/** Series over the last half hour; where trouble began, the line turns to its colour. */
export function Chart({
  times,
  lines,
  now,
  since,
  level = 'bad',
  height = 60,
  usual = true,
  label,
  most,
  axis,
}: {
  times: readonly number[]
  lines: readonly Line[]
  now: number
  since?: number | undefined
  level?: string
  height?: number
  usual?: boolean
  label: string
  most?: number
  axis?: boolean
}): JSX.Element {
  const span = 1_800_000
  const start = now - span
  const width = 600
  const x = (at: number) => ((at - start) / span) * width
  const top = Math.max(
    most ?? 0,
    1e-9,
    ...lines.flatMap(({ values }) => values.map((value) => value ?? 0)),
  )
  const y = (value: number) => height - 2 - (value / top) * (height - 6)
  const firstSeen = times.find((at) => at >= start) ?? now
  const began = since !== undefined && since > start ? x(since) : since === undefined ? width : 0
  const first = lines[0]?.values ?? []
  const before = first.filter(
    (value, i): value is number =>
      value !== null &&
      (times[i] ?? 0) >= start &&
      (since === undefined || (times[i] ?? 0) < since - 5000),
  )
  const sorted = before.toSorted((a, b) => a - b)
  const band =
    usual && since !== undefined && sorted.length >= 24
      ? [sorted[Math.floor(sorted.length * 0.1)] ?? 0, sorted[Math.floor(sorted.length * 0.9)] ?? 0]
      : undefined
  const parts = lines.map((line) => ({ line, runs: runsOf(times, line.values, start) }))
  return (
    <figure class="chart">
      <svg
        viewBox={`0 0 ${width} ${height}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={label}
        height={height}
      >
        {[1, 2].map((n) => (
          <path key={n} class="grid" d={`M${(n * width) / 3} 0V${height}`} />
        ))}
        {band && (
          <rect
            class="usual"
            x="0"
            width={width}
            y={y(band[1] as number) - 1}
            height={Math.max(2, y(band[0] as number) - y(band[1] as number) + 2)}
          />
        )}
        {x(firstSeen) > 4 && (
          <path class="unseen" d={`M0 ${height - 2}H${Math.min(width, x(firstSeen))}`} />
        )}
        {parts.map(({ line, runs }, n) =>
          runs.map((run, i) => {
            const points = run.map(([at, value]) => `${x(at).toFixed(1)} ${y(value).toFixed(1)}`)
            const from = x(run[0]?.[0] ?? 0)
            const to = x(run.at(-1)?.[0] ?? 0)
            const d = `M${points.join('L')}`
            const area = `${d}L${to.toFixed(1)} ${height}L${from.toFixed(1)} ${height}Z`
            const id = `${n}-${i}`
            const tone = line.tone ?? 'data'
            const splits = line.tone === undefined && since !== undefined && to > began
            return (
              <g key={id}>
                {line.fill !== false && <path class={`area ${tone}`} d={area} />}
                <path class={`line ${tone} ${line.dashed ? 'dashed' : ''}`} d={d} />
                {splits && (
                  <svg
                    aria-hidden="true"
                    x={began}
                    y="0"
                    width={width - began}
                    height={height}
                    viewBox={`${began} 0 ${Math.max(1, width - began)} ${height}`}
                    preserveAspectRatio="none"
                  >
                    {line.fill !== false && <path class={`area ${level}`} d={area} />}
                    <path class={`line ${level}`} d={d} />
                  </svg>
                )}
              </g>
            )
          }),
        )}
        {since !== undefined && since > start && (
          <path class={`line ${level}`} d={`M${began} 0V${height}`} />
        )}
      </svg>
      {axis && <Axis now={now} />}
    </figure>
  )
}

export function Axis({ now }: { now: number }): JSX.Element {
  return (
    <div class="axis" aria-hidden="true">
      {[30, 20, 10].map((minutes) => (
        <span key={minutes}>{hour(now - minutes * 60_000)}</span>
      ))}
      <span>{w('now')}</span>
    </div>
  )
}

/** Points without a gap between them. */
function runsOf(
  times: readonly number[],
  values: readonly (number | null)[],
  start: number,
): [number, number][][] {
  const runs: [number, number][][] = []
  let last = 0
  for (const [i, at] of times.entries()) {
    const value = values[i]
    if (at < start || value === null || value === undefined) continue
    if (runs.length === 0 || at - last > 20_000) runs.push([])
    runs.at(-1)?.push([at, value])
    last = at
  }
  return runs
}

/** Is anything to be done from here? */
export function mayAct(): boolean {
  return store.state?.me.may === 'all'
}

/** A button of an action; without the right to act there is none. */
export function Act({
  children,
  onClick,
  kind = '',
  disabled,
}: {
  children: ComponentChildren
  onClick: () => void
  kind?: string
  disabled?: boolean
}): JSX.Element | null {
  if (!mayAct()) return null
  return (
    <button
      type="button"
      class={kind}
      disabled={disabled || store.lost !== undefined}
      onClick={onClick}
    >
      {children}
    </button>
  )
}

/** What a dialog asks before something wide or final is done. */
export interface Question {
  title: string
  says: readonly string[]
  code?: string
  verb: string
  danger?: boolean
  path: string
  body?: object
  /** Has to be typed first. */
  type?: string
  fields?: readonly { name: string; label: string; value: string; number?: boolean }[]
  build?: (values: Record<string, string>) => object
}

let question: Question | undefined
let notice: { text: string; undo?: () => void; bad?: boolean } | undefined
let noticeTimer: ReturnType<typeof setTimeout> | undefined

export function confirm(asked: Question): void {
  question = asked
  store.changed()
}

export function tell(text: string, undo?: () => void, bad = false): void {
  notice = { text, bad, ...(undo && { undo }) }
  clearTimeout(noticeTimer)
  noticeTimer = setTimeout(() => {
    notice = undefined
    store.changed()
  }, 10_000)
  store.changed()
}

/** Does something narrow at once, and lets it be undone. */
export async function doNow(
  text: string,
  path: string,
  body: object,
  undo?: { path: string; body: object },
): Promise<void> {
  try {
    await act(path, body)
    tell(text, undo && (() => void doNow(w('Undo'), undo.path, undo.body)))
  } catch (error) {
    tell((error as Error).message, undefined, true)
  }
}

export function Notice(): JSX.Element {
  return (
    <div class={`notice ${notice ? 'shown' : ''} ${notice?.bad ? 'bad' : ''}`} role="status">
      {notice?.text}
      {notice?.undo && (
        <button
          type="button"
          onClick={() => {
            const undo = notice?.undo
            notice = undefined
            undo?.()
          }}
        >
          {w('Undo')}
        </button>
      )}
    </div>
  )
}

export function Dialog(): JSX.Element | null {
  const ref = useRef<HTMLDialogElement>(null)
  const [error, setError] = useState('')
  const [typed, setTyped] = useState('')
  const asked = question
  useEffect(() => {
    setError('')
    setTyped('')
    if (asked !== undefined && !ref.current?.open) ref.current?.showModal()
    ref.current?.querySelector<HTMLElement>('.notnow')?.focus()
  }, [asked])
  if (asked === undefined) return null
  const close = () => {
    question = undefined
    ref.current?.close()
    store.changed()
  }
  const submit = async (event: Event) => {
    event.preventDefault()
    const values = Object.fromEntries(new FormData(event.target as HTMLFormElement)) as Record<
      string,
      string
    >
    try {
      await act(asked.path, {
        ...asked.body,
        ...asked.build?.(values),
        reason: values['reason'] ?? '',
      })
      close()
      tell(asked.title.replace(/\?$/, ''))
    } catch (failure) {
      setError((failure as Error).message)
    }
  }
  return (
    <dialog ref={ref} aria-labelledby="question" onClose={close}>
      <form onSubmit={submit}>
        <div class="body">
          <h2 id="question">{asked.title}</h2>
          <ul>
            {asked.says.map((line) => (
              <li key={line}>{line}</li>
            ))}
          </ul>
          {asked.fields?.map(({ name, label, value, number }) => (
            <label key={name}>
              {label}
              <input
                name={name}
                defaultValue={value}
                required
                inputMode={number ? 'decimal' : 'text'}
              />
            </label>
          ))}
          {asked.code && <pre>{asked.code}</pre>}
          {asked.type !== undefined && (
            <label>
              {asked.type}
              <input
                value={typed}
                autocomplete="off"
                onInput={(event) => setTyped(event.currentTarget.value)}
              />
            </label>
          )}
          <label>
            {w('Why (kept with your name)')}
            {store.state?.me.user ? `: ${store.state.me.user}` : ''}
            <input name="reason" maxLength={500} autocomplete="off" />
          </label>
          {error && (
            <p class="bad" role="alert">
              {error}
            </p>
          )}
        </div>
        <div class="foot">
          <button type="button" class="notnow" onClick={close}>
            {w('Not now')} <kbd>Esc</kbd>
          </button>
          <button
            type="submit"
            class={asked.danger ? 'danger' : 'primary'}
            disabled={asked.type !== undefined && typed !== asked.type}
          >
            {asked.verb}
          </button>
        </div>
      </form>
    </dialog>
  )
}

interface Hold {
  onPointerEnter: () => void
  onPointerLeave: () => void
  onFocusCapture: () => void
  onBlurCapture: () => void
}

/** Keeps the order of a list while somebody is in it, and 5 s after. */
export function useFrozen<T>(
  items: readonly T[],
  idOf: (item: T) => string,
): {
  list: T[]
  moved: number
  hold: Hold
  release: () => void
} {
  const order = useRef<string[]>([])
  const until = useRef(0)
  const frozen = store.held || Date.now() < until.current
  const wanted = items.map(idOf)
  if (!frozen) order.current = wanted
  const known = new Map(items.map((item) => [idOf(item), item]))
  const kept = order.current.filter((id) => known.has(id))
  const fresh = wanted.filter((id) => !kept.includes(id))
  const ids = [...kept, ...fresh]
  const touch = () => {
    until.current = Infinity
  }
  const leave = () => {
    until.current = Date.now() + 5000
  }
  return {
    list: ids.map((id) => known.get(id) as T),
    moved: ids.filter((id, i) => id !== wanted[i]).length,
    hold: {
      onPointerEnter: touch,
      onPointerLeave: leave,
      onFocusCapture: touch,
      onBlurCapture: leave,
    },
    release: () => {
      until.current = 0
      store.changed()
    },
  }
}

export function Pill({
  moved,
  release,
}: {
  moved: number
  release: () => void
}): JSX.Element | null {
  if (moved === 0) return null
  return (
    <button type="button" class="pill" onClick={release}>
      {moved} {w('changed places')}
    </button>
  )
}

export function troubleOf(kind: string, name: string): Trouble | undefined {
  return store.state?.troubles.find((each) => each.kind === kind && each.name === name)
}

export function matches(filter: string, ...texts: (string | undefined)[]): boolean {
  const all = texts.join(' ').toLowerCase()
  return filter
    .toLowerCase()
    .split(/\s+/)
    .every((word) => all.includes(word))
}

const VIEWS: Record<string, string> = {
  limiter: 'limiters',
  queue: 'queues',
  breaker: 'breakers',
  schedule: 'schedules',
  leader: 'locks',
  process: 'processes',
  storage: 'processes',
  pool: 'processes',
}
export const viewOf = (kind: string): string => VIEWS[kind] ?? 'now'

export function PartLink({
  kind,
  name,
  children,
}: {
  kind: string
  name: string
  children?: ComponentChildren
}): JSX.Element {
  return <a href={link(viewOf(kind), name)}>{children ?? name}</a>
}

export function Empty({
  title,
  text,
  code,
}: {
  title: string
  text: string
  code: string
}): JSX.Element {
  const { state } = store
  const sees =
    state === undefined
      ? []
      : (['limiters', 'queues', 'breakers', 'schedules'] as const)
          .map((kind) => [Object.keys(state[kind]).length, kind] as const)
          .filter(([count]) => count > 0)
  return (
    <section class="empty">
      <svg viewBox="0 0 480 60" aria-hidden="true" class="sketch">
        <path d="M10 24H120M10 36H120M120 12H230V48H120ZM230 30H250M250 18H350V42H250ZM300 18V42M350 24H470M350 36H470" />
      </svg>
      <h1>{title}</h1>
      <p>{text}</p>
      <pre>{code}</pre>
      <pre>npx aioflux dashboard --redis redis://localhost:6379</pre>
      {sees.length > 0 && <p>{sees.map(([count, kind]) => `${count} ${kind}`).join(', ')}</p>}
    </section>
  )
}
