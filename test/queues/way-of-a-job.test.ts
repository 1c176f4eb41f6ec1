import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { program } from '../support/program.ts'

/** The most files of src/queues that a job may pass on the direct way. */
const MOST_FILES = 9

/**
 * The files of src/queues that one job passes, and how it enters each: the calls of constructors and public methods. Getters are not
 * counted, nor what only the file itself can call. Measured by V8 in a process of its own, at the second job: the first one makes
 * what is made once.
 */
async function way(handler: string, kind: 'fifo' | 'priority'): Promise<Record<string, string[]>> {
  const index = new URL('../../src/index.ts', import.meta.url).href
  const source = `
    import { Session } from 'node:inspector/promises'
    import { QueueFactory } from '${index}'
    const session = new Session()
    session.connect()
    await session.post('Profiler.enable')
    await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: false })
    const queue = QueueFactory.${kind}({ handler: ${handler} }).start()
    const run = async () => {
      const job = await queue.put(1)
      await job.result
      await new Promise((resolve) => setTimeout(resolve, 20))
      return (await session.post('Profiler.takePreciseCoverage')).result
    }
    await run()
    const way = {}
    for (const { url, functions } of await run()) {
      const file = url.split('/src/queues/')[1]
      if (file === undefined) continue
      const called = functions.filter(({ functionName, ranges }) => functionName !== '' && ranges[0].count > 0)
      if (called.length === 0) continue
      way[file] = called
        .filter(({ functionName: name }) => !/^get |#|^</.test(name))
        .flatMap(({ functionName, ranges }) => new Array(ranges[0].count).fill(functionName))
    }
    console.log(JSON.stringify(way))
  `
  using file = program(source)
  const { stdout } = await promisify(execFile)(process.execPath, file.args, { timeout: 30_000 })
  const passed = Object.entries(JSON.parse(stdout) as Record<string, string[]>)
  return Object.fromEntries(
    passed.map(([path, calls]) => {
      const text = readFileSync(new URL(`../../src/queues/${path}`, import.meta.url), 'utf8')
      const inside = (name: string) =>
        text.includes(`protected ${name}(`) || text.includes(`function ${name}(`)
      return [
        path,
        calls.filter((name) => !inside(name) || text.includes(`export function ${name}(`)),
      ]
    }),
  )
}

/** V8 alone measures it so. */
const hasCoverage = process.versions['bun'] === undefined && process.versions['deno'] === undefined

describe.skipIf(!hasCoverage)('the direct way of a job', () => {
  for (const [kind, handler, mostEntries] of [
    ['a handler that ends at once', '(n) => n', 2],
    // Its attempt is begun, goes on, and ends.
    ['an async handler', 'async (n) => n', 3],
  ] as const) {
    it(`passes at most ${MOST_FILES} files: ${kind}`, { timeout: 60_000 }, async () => {
      const passed = await way(handler, 'fifo')
      expect(Object.keys(passed)).toContain('local-queue.ts')
      expect(Object.keys(passed).length, JSON.stringify(passed)).toBeLessThanOrEqual(MOST_FILES)
      for (const [file, entries] of Object.entries(passed)) {
        expect(entries.length, `${file}: ${entries}`).toBeLessThanOrEqual(mostEntries)
      }
    })
  }

  it('goes past the order in a priority queue too', { timeout: 60_000 }, async () => {
    const passed = await way('(n) => n', 'priority')
    expect(Object.keys(passed)).toContain('consume/single-consumer.ts')
    expect(Object.keys(passed).filter((file) => file.includes('/orders/'))).toEqual([])
  })
})
