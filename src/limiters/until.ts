import { onAbort } from '../core/on-abort.ts'

/** Waits for what `begin` begins, and ends it when one of `signals` aborts: it then rejects with the reason of that. */
export function until(
  signals: readonly AbortSignal[],
  begin: (resolve: () => void, reject: (reason: unknown) => void) => () => void,
): Promise<void> {
  return new Promise<void>((resolve, reject) => {
    const forgets: (() => void)[] = []
    const abort = () => end(() => reject(signals.find((one) => one.aborted)?.reason))
    const end = (settle: () => void) => {
      stop()
      for (const forget of forgets) forget()
      settle()
    }
    const stop = begin(
      () => end(resolve),
      (reason) => end(() => reject(reason)),
    )
    for (const one of signals) forgets.push(onAbort(one, () => abort()))
    if (signals.some((one) => one.aborted)) abort()
  })
}
