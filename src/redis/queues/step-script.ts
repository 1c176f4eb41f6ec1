import type { Millis } from '../../core/duration.ts'
import type { Moment } from '../../core/lease-clock.ts'

/** One claimed job as Redis tells it: its token, its record, and what is known of earlier claims. */
export interface Taken {
  readonly token: string
  readonly record: string
  readonly before: string
}

/** A claim that ends. `kind`: c completed, f failed, t to be tried again, r released, l released for other processes. */
export interface End {
  readonly token: string
  readonly kind: 'c' | 'f' | 't' | 'r' | 'l'
  readonly delay: Millis
  /** The outcome of a completed one, or the failure. */
  readonly text: string
  /** No other process can have the job before. */
  readonly until: Moment | undefined
}

/** Ends that were asked for in one call. */
export interface EndCall {
  readonly kept: boolean[]
  left: number
  readonly resolve: (kept: boolean[]) => void
  readonly reject: (error: unknown) => void
}

export interface Ending {
  readonly end: End
  readonly call: EndCall
  /** Which of its call it is. */
  readonly index: number
  /** True when it was sent and no answer came. */
  sent: boolean
}

export interface Renewal {
  readonly token: string
  readonly lease: Millis
  readonly until: Moment | undefined
  readonly resolve: (sent: Moment | undefined) => void
}

export function answer(call: EndCall, index: number, kept: boolean): void {
  call.kept[index] = kept
  call.left -= 1
  if (call.left === 0) call.resolve(call.kept)
}

export function argumentsOf(
  want: number,
  lease: Millis,
  idTtl: Millis,
  done: Ending[],
  others: Ending[],
  renewals: Renewal[],
): string[] {
  const args = [String(want), String(lease), String(idTtl)]
  const told = done.some(({ end }) => end.text !== 'c')
  args.push(String(done.length), told ? '1' : '0')
  for (const { end } of done) args.push(end.token)
  if (told) for (const { end } of done) args.push(end.text)
  args.push(String(others.length))
  for (const { end } of others) args.push(end.kind, end.token, String(end.delay), end.text)
  args.push(String(renewals.length))
  for (const { token } of renewals) args.push(token)
  return args
}
