import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startRedis } from '../support/redis-server.ts'
import { until } from '../support/until.ts'

const PROCESSES = 4
/** How long the processes are left alone, and then killed. */
const CALM_SECONDS = 3
const SECONDS = 8
const quota = { rate: 2000, burst: 400, lease: 0.05 }

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))
const root = here('../..')
let dir: string
beforeAll(() => {
  // Under node_modules, where what is built finds what it imports.
  dir = mkdtempSync(join(root, 'node_modules', '.aioflux-hybrid-'))
  // Built anew: the processes run what is in src, without a loader to wait for at each start.
  const tsc = join(root, 'node_modules/typescript/bin/tsc')
  execFileSync(
    process.execPath,
    [tsc, '-p', 'tsconfig.build.json', '--outDir', join(dir, 'dist')],
    {
      cwd: root,
    },
  )
})
afterAll(() => rmSync(dir, { recursive: true, force: true }))

it('processes that share a limit by lots, killed at any moment, never spend more than their bound', async () => {
  await using redis = await startRedis()
  const { rate, burst, lease } = quota
  const files: string[] = []
  const start = (): ChildProcess => {
    const file = join(dir, `grants-${files.length}`)
    files.push(file)
    const args = [join(dir, 'dist'), redis.port, file, JSON.stringify(quota), 16]
    return spawn(process.execPath, [here('hybrid-worker.mjs'), ...args.map(String)], {
      stdio: 'ignore',
    })
  }
  const workers = Array.from({ length: PROCESSES }, start)
  let kills = 0
  let killing = Infinity
  try {
    await until('all processes are granted something', () => files.every(existsSync))
    await setTimeout(CALM_SECONDS * 1000)
    killing = Number(process.hrtime.bigint()) / 1e9
    while (Number(process.hrtime.bigint()) / 1e9 < killing + SECONDS) {
      await setTimeout(300 + Math.random() * 700)
      const victim = Math.floor(Math.random() * PROCESSES)
      workers[victim]?.kill('SIGKILL')
      workers[victim] = start()
      kills++
    }
  } finally {
    for (const worker of workers) worker.kill('SIGKILL')
  }

  const grants = files.flatMap(read).sort((a, b) => a.at - b.at)
  const calls = Number(
    /cmdstat_evalsha:calls=(\d+)/.exec(String(await redis.command('INFO', 'commandstats')))?.[1],
  )
  // What was decided in Redis and not by a lot passes when its answer is here, be that later than a lease.
  const slowest = Math.max(...grants.map((grant) => grant.took))
  const worst = worstExcess(grants, rate)
  const bound = burst + rate * Math.max(lease, slowest)
  const seconds = (grants.at(-1)?.at ?? 0) - (grants[0]?.at ?? 0)
  // Of what the limit lets through, alone and while processes are killed. How much a machine can use at all is its own affair.
  const calm = used(grants.filter(({ at }) => at < killing))
  const share = used(grants.filter(({ at }) => at >= killing))
  console.log(
    `${grants.length} grants in ${seconds.toFixed(1)} s by ${PROCESSES} processes, ${kills} killed, ${(calls / seconds).toFixed(0)} calls/s: ` +
      `most beyond rate * t ${worst.toFixed(0)}, bound ${bound.toFixed(0)} ` +
      `(burst ${burst} + rate * ${(Math.max(lease, slowest) * 1000).toFixed(0)} ms, slowest answer ${(slowest * 1000).toFixed(0)} ms); ` +
      `${(share * 100).toFixed(1)} % of the bound used, ${(calm * 100).toFixed(1)} % before the first was killed`,
  )
  expect(kills).toBeGreaterThan(5)
  expect(worst).toBeLessThanOrEqual(bound + 1)
  expect(share / calm).toBeGreaterThanOrEqual(0.5)
})

/** The part of what the limit lets through in the time of these grants, between 0 and 1. */
function used(grants: readonly Grant[]): number {
  const seconds = (grants.at(-1)?.at ?? 0) - (grants[0]?.at ?? 0)
  return grants.length / (quota.burst + quota.rate * (seconds + quota.lease))
}

interface Grant {
  /** Seconds by the machine's steady clock, which all its processes share. */
  readonly at: number
  readonly took: number
}

function read(file: string): Grant[] {
  if (!existsSync(file)) return []
  const bytes = readFileSync(file)
  // The last record may have been cut short.
  const numbers = new Float64Array(
    new Uint8Array(bytes.subarray(0, bytes.length - (bytes.length % 16))).buffer,
  )
  return Array.from({ length: numbers.length / 2 }, (_, i) => ({
    at: numbers[2 * i] as number,
    took: numbers[2 * i + 1] as number,
  }))
}

/** Over all stretches from one grant to another: the most that was granted in one, less the rate times its length. */
function worstExcess(grants: readonly Grant[], rate: number): number {
  let least = Infinity
  let worst = 0
  for (const [i, { at }] of grants.entries()) {
    least = Math.min(least, i - rate * at)
    worst = Math.max(worst, i + 1 - rate * at - least)
  }
  return worst
}
