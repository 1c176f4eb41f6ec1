import type { Handler, TaskContext } from '../job.ts'

interface Store {
  run<A extends unknown[], R>(value: TaskContext, fn: (...args: A) => R, ...args: A): R
  getStore(): TaskContext | undefined
}
interface Runtime {
  versions?: { bun?: string }
  getBuiltinModule?(name: string): { AsyncLocalStorage: new () => Store } | undefined
}

/**
 * JavaScriptCore leaves computed names out of its stacks, so {@link awaiterOf} cannot tell there which function awaits which. It carries
 * async contexts for next to nothing instead, which V8 does only since Node 24: there stacks are read, and nothing is kept.
 */
const store = findStore()

/** A handler that {@link currentJob} knows. */
export function known(handler: Handler): Handler {
  return store === undefined
    ? handler
    : (item, context) => store.run(context, handler, item, context)
}

/** The job whose handler is the caller, or has called it, however long ago; `undefined` where the stack has to be asked. */
export function currentJob(): TaskContext | undefined {
  return store?.getStore()
}

function findStore(): Store | undefined {
  const { process } = globalThis as { process?: Runtime }
  if (process?.versions?.bun === undefined) return undefined
  const hooks = process.getBuiltinModule?.('node:async_hooks')
  return hooks && new hooks.AsyncLocalStorage()
}
