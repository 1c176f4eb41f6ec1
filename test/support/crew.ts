import { type ChildProcess, spawn } from 'node:child_process'
import { bundled } from './bundled.ts'

/** A process that runs a worker of test/faults/workers. It ends with this one, however this one ends. */
export interface Hand {
  readonly pid: number
  send(message: object): void
  /** The next message it sends, in order; rejects when it ends without one. */
  next<T>(): Promise<T>
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>
  /** SIGSTOP: it stands still and knows nothing of it. */
  pause(): void
  /** SIGCONT. */
  resume(): void
}

export interface Crew extends AsyncDisposable {
  readonly hands: readonly Hand[]
  /** The next message of each. */
  all<T>(): Promise<T[]>
  /** Tells everybody. */
  tell(message: object): void
}

/** Starts one process per task, each with its task, and waits until each says it is ready. */
export async function crew(worker: string, tasks: readonly object[]): Promise<Crew> {
  const file = await bundled(`test/faults/workers/${worker}.ts`)
  const hands = tasks.map((task) => hire(worker, file, task))
  const made: Crew = {
    hands,
    all: () => Promise.all(hands.map((hand) => hand.next())) as Promise<never>,
    tell(message) {
      for (const hand of hands) hand.send(message)
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(hands.map((hand) => hand.kill()))
    },
  }
  try {
    await made.all()
    return made
  } catch (error) {
    await made[Symbol.asyncDispose]()
    throw error
  }
}

function hire(worker: string, file: string, task: object): Hand {
  const child: ChildProcess = spawn(process.execPath, [file, JSON.stringify(task)], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  const inbox: unknown[] = []
  const waiting: { resolve(message: unknown): void; reject(error: Error): void }[] = []
  let ended: Error | undefined
  child.on('message', (message) => {
    const first = waiting.shift()
    if (first === undefined) inbox.push(message)
    else first.resolve(message)
  })
  const gone = new Promise<void>((resolve) => {
    child.once('close', (code, signal) => {
      ended = new Error(`worker ${worker} ended: ${signal ?? code}`)
      for (const { reject } of waiting.splice(0)) reject(ended)
      resolve()
    })
  })
  return {
    pid: child.pid ?? -1,
    send: (message) => {
      if (child.connected) child.send(message)
    },
    next: <T>() =>
      new Promise<T>((resolve, reject) => {
        if (inbox.length > 0) resolve(inbox.shift() as T)
        else if (ended !== undefined) reject(ended)
        else waiting.push({ resolve: resolve as (message: unknown) => void, reject })
      }),
    async kill() {
      child.kill('SIGKILL')
      await gone
    },
    pause: () => child.kill('SIGSTOP'),
    resume: () => child.kill('SIGCONT'),
  }
}
