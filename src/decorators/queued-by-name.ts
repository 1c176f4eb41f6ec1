import * as check from '../core/check.ts'
import { OptionTypeError } from '../core/errors.ts'
import type { NamedCall } from '../queues/consume/named-calls.ts'
import type { SharedQueue } from '../queues/queue.ts'
import { makeWrapper, type WrappedKind, type Wrapper } from './wrapper.ts'

type AnyFunction = (...args: never[]) => unknown

/** The queue is elsewhere: a call travels as its name and its arguments. */
export function queuedByName<This, Args extends readonly unknown[]>(
  queue: SharedQueue<NamedCall>,
  given: string | undefined,
  rankOf: (self: unknown, args: readonly unknown[]) => number,
): Wrapper<This, Args> {
  if (given !== undefined) check.text('name', given)
  let started: Promise<unknown> | undefined
  const nameOf = (fn: AnyFunction) => given ?? fn.name
  return makeWrapper<This, Args>(
    async (self, args, _, fn) => {
      started ??= queue.start().catch((error: unknown) => {
        started = undefined
        throw error
      })
      await started
      const call = { name: nameOf(fn), args: [...args] }
      return queue.submit(call, { priority: rankOf(self, args) })
    },
    (fn, kind) => {
      const name = nameOf(fn)
      if (name === '') throw new OptionTypeError('name', 'name is needed: the function has none')
      refuseThis(fn, kind, name)
      queue.serve(name, fn)
    },
  )
}

/** The object of a method stays in the process that calls it. */
function refuseThis(fn: AnyFunction, kind: WrappedKind, name: string): void {
  if (kind === 'function') return
  if (kind === 'method' && !/\b(this|super)\b/.test(codeOf(fn))) return
  const what = kind === 'field' ? 'a field of each instance' : 'a method that uses this'
  throw new OptionTypeError(
    'target',
    `target must not be ${what} where the queue is over a storage, got '${name}': its object stays behind; queue a function that takes what it needs`,
  )
}

/** The text of a function without comments and strings, but with what stands in the braces of templates. */
function codeOf(fn: AnyFunction): string {
  return Function.prototype.toString
    .call(fn)
    .replace(/\/\*[\s\S]*?\*\/|\/\/.*|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"/g, '')
    .replace(/`(?:\\.|[^`\\])*`/g, (template) => (template.match(/\$\{[^}]*\}/g) ?? []).join(' '))
}
