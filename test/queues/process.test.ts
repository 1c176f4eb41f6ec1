import { execFile } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { program } from '../support/program.ts'

const index = new URL('../../src/index.ts', import.meta.url).href

/** Runs a program in a process of its own; resolves when that has exited by itself. */
function run(body: string): Promise<{ out: string; took: number }> {
  const began = performance.now()
  const source = `import { QueueFactory, WorkerPool, BatchCollector } from '${index}'\n${body}`
  return new Promise((resolve, reject) => {
    const file = program(source)
    execFile(process.execPath, file.args, { timeout: 30_000 }, (error, stdout, stderr) => {
      file[Symbol.dispose]()
      if (error === null) resolve({ out: stdout.trim(), took: performance.now() - began })
      else reject(new Error(`${error.message}\n${stderr}`))
    })
  })
}

describe('the process', () => {
  it('exits by itself when all is idle', { timeout: 60_000 }, async () => {
    const { out } = await run(`
      const queue = QueueFactory.priority({ handler: async (n) => n }).start()
      const batches = QueueFactory.fifo({ batchSize: 2, batchFn: (items) => items }).start()
      const pool = new WorkerPool({ checkInterval: '1h' }).start()
      const broadcast = QueueFactory.broadcast()
      broadcast.subscribe().get().catch(() => {})
      QueueFactory.fifo().get().catch(() => {})
      QueueFactory.delay({ handler: () => {} }).put('not started', { delay: '1h' })
      const results = [queue.submit(1), pool.submit((n) => n, 2), batches.submit(3), batches.submit(4)]
      console.log((await Promise.all(results)).join())
    `)
    expect(out).toBe('1,2,3,4')
  })

  it('stays while a delayed job is promised', { timeout: 60_000 }, async () => {
    const { out } = await run(`
      const queue = QueueFactory.delay({ handler: () => console.log('done') }).start()
      await queue.put('a', { delay: '300ms' })
    `)
    expect(out).toBe('done')
  })

  // Node up to 22 has no frames.
  it('a put leaves no frame of async contexts behind in its caller', async () => {
    const { out } = await run(`
      const { AsyncResource } = await import('node:async_hooks')
      await QueueFactory.fifo({ handler: (n) => n }).put(1)
      const made = new AsyncResource('test')
      const frame = Object.getOwnPropertySymbols(made).find(({ description }) => description === 'context_frame')
      console.log(frame && made[frame])
    `)
    expect(out).toBe('undefined')
  })

  it('keeps nothing of a million jobs', { timeout: 60_000 }, async () => {
    const { out } = await run(`
      const queue = QueueFactory.priority({ workers: 10, maxSize: Infinity, handler: async () => {} })
      queue.start()
      const heap = () => { gc(); return process.memoryUsage().heapUsed }
      const wave = async () => {
        for (let i = 0; i < 200_000; i++) void queue.put({ i }, { priority: i % 10 })
        await queue.onIdle()
      }
      await wave()
      const before = heap()
      let after = 0
      // Collected after every wave: Deno's collector leaves more than one wave's rest to later.
      for (let i = 0; i < 5; i++) {
        await wave()
        after = heap()
      }
      console.log(((after - before) / 1e6).toFixed(1))
    `)
    // Megabytes: a single pointer kept of each job would be twice as much. What is left is code that engines compile late.
    expect(Number(out)).toBeLessThan(4)
  })

  it('keeps nothing of callers that have waited in vain', { timeout: 60_000 }, async () => {
    const { out } = await run(`
      const queue = QueueFactory.fifo()
      const poll = async (rounds) => {
        for (let i = 0; i < rounds; i++)
          await Promise.all(Array.from({ length: 20 }, () => queue.claim({ timeout: '1ms' })))
      }
      const used = () => {
        gc()
        return process.memoryUsage().heapUsed / 1e6
      }
      await poll(100)
      const before = used()
      await poll(200)
      console.log(used() - before)
    `)
    // Megabytes: a caller that is kept takes 1.7 kB.
    expect(Number(out)).toBeLessThan(2)
  })

  it('lets go of a job that is done while others wait', { timeout: 60_000 }, async () => {
    const { out } = await run(`
      const queue = QueueFactory.priority()
      for (let i = 0; i < 1000; i++) void queue.put({ i }, { priority: i })
      const refs = []
      for (let i = 0; i < 500; i++) refs.push(new WeakRef(queue.tryGet()))
      await new Promise((resolve) => setTimeout(resolve, 10))
      gc()
      console.log(refs.filter((ref) => ref.deref() !== undefined).length, queue.size())
    `)
    const [held, waiting] = out.split(' ').map(Number)
    // Those that the engine's own stack still names.
    expect(held).toBeLessThan(50)
    expect(waiting).toBe(500)
  })
})
