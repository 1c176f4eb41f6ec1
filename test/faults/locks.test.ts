import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Coordinator } from 'aioflux'
import { RedisStorage } from 'aioflux/redis'
import { afterAll, beforeAll, describe, inject, it } from 'vitest'
import { clients, libraries } from '../support/clients.ts'
import { type Crew, crew } from '../support/crew.ts'
import { figure, seeded, short } from '../support/figure.ts'
import { canStartRedis, type RedisServer, startRedis } from '../support/redis-server.ts'
import { proxy } from '../support/tcp-proxy.ts'
import { machineTime, sleep } from '../support/time.ts'
import type { CountersTask, FileRequest } from './workers/counters.ts'
import type { AfterStall, HolderTask } from './workers/holder.ts'
import type { LockersTask } from './workers/lockers.ts'

/** What a busy machine may make of a timer. */
const LATE = 400
const TTL = 1_000
const url = inject('redisUrl')
const folder = mkdtempSync(join(tmpdir(), 'aioflux-locks-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const prefix = (name: string) => `locks-${name}-${process.pid}-${Math.round(performance.now())}`

describe.each(short ? (['ioredis'] as const) : libraries)('locks, %s', (library) => {
  it('a holder that stood still knows that it has lost, before anything else runs', async () => {
    const name = prefix('stopped')
    const holder = { url, library, prefix: name, ttl: TTL } satisfies HolderTask
    await using hands = await crew('holder', [holder])
    const [hand] = hands.hands as [Crew['hands'][number]]
    const { client, end } = await clients[library](url)
    const coordinator = new Coordinator({
      storage: new RedisStorage({ client, prefix: name }),
      ttl: 1,
    })
    const waiting = coordinator.lock('x')
    await sleep(TTL / 2)
    const stopped = machineTime()
    hand.pause()
    const lease = await waiting
    const after = machineTime() - stopped
    await sleep(2 * TTL)
    hand.resume()
    const seen = await hand.next<AfterStall>()
    const shown = `held ${seen.held}, aborted ${seen.aborted}, ${seen.asserted}`
    figure(
      `lock: ${library}, after ${Math.round(seen.stood)} ms of SIGSTOP`,
      shown,
      'held false, aborted true, LEASE_LOST',
      !seen.held && seen.aborted && seen.asserted === 'LEASE_LOST' && !seen.released,
    )
    figure(
      `lock: ${library}, taken over after`,
      `${Math.round(after)} ms`,
      `<= ${TTL} ms + ${LATE}`,
      after <= TTL + LATE,
    )
    figure(
      `lock: ${library}, its token`,
      lease.token - seen.token,
      '> 0 above the last',
      lease.token > seen.token,
    )
    figure(`lock: ${library}, the next one still holds`, String(lease.held), 'true', lease.held)
    await coordinator.close()
    end()
  })

  it('a holder that is cut off stops before anybody else can begin', async () => {
    const random = seeded('locks, cut off')
    await using between = await proxy(Number(new URL(url).port || 6379))
    const name = prefix('cut-off')
    const far = await clients[library](between.url)
    const near = await clients[library](url)
    const storage = new RedisStorage({ client: far.client, prefix: name, timeout: '200ms' })
    const holder = new Coordinator({ storage, ttl: TTL / 1000 })
    const other = new Coordinator({
      storage: new RedisStorage({ client: near.client, prefix: name }),
      ttl: TTL / 1000,
    })
    const margins: number[] = []
    const times: number[] = []
    const cases = short ? ['gone', 'slow'] : ['gone', 'gone', 'gone', 'slow', 'slow', 'lost']
    for (const [i, fault] of cases.entries()) {
      const lease = await holder.lock(`x${i}`)
      let stopped = 0
      lease.signal.addEventListener('abort', () => {
        stopped = machineTime()
      })
      await sleep(random() * TTL)
      const began = machineTime()
      if (fault === 'gone') between.blackhole(true)
      if (fault === 'slow') between.latency(TTL * (1.2 + random()))
      if (fault === 'lost') between.dropReplies(true)
      const next = await other.lock(`x${i}`)
      const taken = machineTime()
      if (stopped === 0) stopped = Infinity
      margins.push(taken - stopped)
      times.push(stopped - began)
      figure(
        `lock: ${library}, ${fault}, held after that`,
        String(lease.held),
        'false',
        !lease.held,
      )
      between.blackhole(false)
      between.latency(0)
      between.dropReplies(false)
      await next.release()
      // The connection is made anew.
      for (let ok = false; !ok; )
        ok = await storage.exists('').then(
          () => true,
          () => sleep(50).then(() => false),
        )
    }
    const least = Math.min(...margins)
    const longest = Math.max(...times)
    figure(
      `lock: ${library}, aborted before the next had it`,
      `${least.toFixed(1)} ms`,
      '> 0 ms',
      least > 0,
    )
    figure(
      `lock: ${library}, cut off to aborted`,
      `${Math.round(longest)} ms`,
      `<= ${TTL} ms`,
      longest <= TTL,
    )
    await Promise.all([holder.close(), other.close()])
    far.end()
    near.end()
  })

  it('a counter under a lock loses nothing with the fence, whoever is killed or stands still', async () => {
    for (const fenced of short ? [true] : [true, false]) {
      const random = seeded('locks, counter')
      const file = join(folder, `counter-${library}-${fenced}`)
      writeFileSync(file, '0')
      const one = { url, library, prefix: prefix('counter'), ttl: 300 } satisfies CountersTask
      let accepted = 0
      let refused = 0
      let fence = 0
      let disorder = 0
      const crews: Crew[] = []
      /** The resource: it keeps the file, and the highest fence it has seen. */
      const serve = async ({ hands: [hand] }: Crew): Promise<void> => {
        for (;;) {
          const request = await (hand as Crew['hands'][number]).next<FileRequest>()
          const its = 'read' in request ? request.read : request.fence
          const stale = its < fence
          if (stale) disorder += 1
          else fence = its
          if ('write' in request && stale && fenced) refused += 1
          else if ('write' in request) {
            accepted += 1
            writeFileSync(file, String(request.write))
          }
          hand?.send({ value: Number(readFileSync(file, 'utf8')) })
        }
      }
      const hire = async () => {
        const hired = await crew('counters', [one])
        crews.push(hired)
        serve(hired).catch(() => {}) // it was killed
        hired.tell({ begin: true })
      }
      await Promise.all(Array.from({ length: 5 }, hire))
      const over = machineTime() + (short ? 2_000 : 10_000)
      let kills = 0
      let stops = 0
      while (machineTime() < over) {
        await sleep(random() * 250)
        const victim = crews[Math.floor(random() * crews.length)] as Crew
        const hand = victim.hands[0] as Crew['hands'][number]
        if (random() < 0.4) {
          kills += 1
          crews.splice(crews.indexOf(victim), 1)
          await hand.kill()
          await hire()
        } else {
          stops += 1
          hand.pause()
          setTimeout(() => hand.resume(), 500)
        }
      }
      await sleep(600)
      await Promise.all(crews.map((one) => one[Symbol.asyncDispose]()))
      const value = Number(readFileSync(file, 'utf8'))
      const title = `counter: ${library}, ${fenced ? 'with' : 'without'} the fence`
      const shown = `${accepted - value} of ${accepted}`
      if (fenced) {
        figure(`${title}, lost updates`, shown, '0', accepted === value && accepted > 20)
        console.log(`${title}: ${kills} kills, ${stops} stops, ${refused} stale writes refused`)
      } else {
        console.log(
          `${title}: lost ${shown}, ${disorder} requests out of order, ${kills} kills, ${stops} stops`,
        )
      }
    }
  })
})

const possible = await canStartRedis()
describe.skipIf(!possible)('50 who wait in 5 processes', () => {
  let redis: RedisServer
  beforeAll(async () => {
    redis = await startRedis()
  })
  afterAll(() => redis?.stop())

  it.each(short ? (['ioredis'] as const) : libraries)('%s', async (library) => {
    const rounds = short ? 4 : 20
    const log = join(folder, `hand-overs-${library}`)
    const one = {
      url: redis.url,
      library,
      prefix: prefix('waiters'),
      ttl: TTL,
      waiters: 10,
      rounds,
      hold: 2,
      log,
    } satisfies LockersTask
    await using hands = await crew('lockers', Array(5).fill(one))
    const before = await commands(redis)
    hands.tell({ begin: true })
    await hands.all()
    const calls = (await commands(redis)) - before
    const turns = readTurns(log)
    const expected = 50 * rounds
    figure(`waiters: ${library}, turns`, turns.length, `${expected}`, turns.length === expected)
    const tokens = new Set(turns.map(({ token }) => token))
    figure(
      `waiters: ${library}, tokens used twice`,
      turns.length - tokens.size,
      '0',
      tokens.size === turns.length,
    )
    const gaps = turns.slice(1).map((turn, i) => turn.taken - (turns[i] as Turn).left)
    const overlaps = gaps.filter((gap) => gap < 0).length
    figure(`waiters: ${library}, overlaps`, overlaps, '0', overlaps === 0)
    gaps.sort((x, y) => x - y)
    const median = gaps[gaps.length >> 1] as number
    const p99 = gaps[Math.floor(gaps.length * 0.99)] as number
    figure(
      `waiters: ${library}, hand-over, median`,
      `${median.toFixed(2)} ms`,
      '<= 20 ms',
      median <= 20,
    )
    figure(
      `waiters: ${library}, hand-over, p99`,
      `${p99.toFixed(1)} ms`,
      `<= ${LATE} ms`,
      p99 <= LATE,
    )
    const each = calls / turns.length
    figure(
      `waiters: ${library}, commands a hand-over`,
      each.toFixed(2),
      '<= 6 of 5 processes',
      each <= 6,
    )
  })

  it('callers of each of 3 busy processes get their turns', async () => {
    const one = {
      url: redis.url,
      library: 'ioredis',
      prefix: prefix('turns'),
      ttl: TTL,
      waiters: 10,
      rounds: short ? 40 : 150,
      hold: 0,
    } satisfies Omit<LockersTask, 'log'>
    const logs = [0, 1, 2].map((i) => join(folder, `turns-${i}`))
    await using hands = await crew(
      'lockers',
      logs.map((log) => ({ ...one, log }) satisfies LockersTask),
    )
    hands.tell({ begin: true })
    await hands.all()
    const turns = logs.map(readTurns)
    // While all of them want it: until the first one has had all of its turns.
    const over = Math.min(...turns.map((its) => its.at(-1)?.token as number))
    const shares = turns.map((its) => its.filter(({ token }) => token <= over).length)
    const least = Math.min(...shares) / Math.max(...shares)
    figure(
      'waiters: turns of the process that had fewest, of those that had most',
      least.toFixed(2),
      '>= 0.1',
      least >= 0.1,
    )
  })

  it('one dies while it has it', async () => {
    const name = prefix('killed')
    const holder = {
      url: redis.url,
      library: 'ioredis',
      prefix: name,
      ttl: TTL,
    } satisfies HolderTask
    const worst: number[] = []
    const { client, end } = await clients.ioredis(redis.url)
    for (let i = 0; i < (short ? 1 : 5); i++) {
      await using hands = await crew('holder', [holder])
      const others = Array.from(
        { length: 5 },
        () => new Coordinator({ storage: new RedisStorage({ client, prefix: name }), ttl: 1 }),
      )
      const waits = others.flatMap((other) =>
        Array.from({ length: 10 }, async () => {
          const lease = await other.lock('x')
          const taken = machineTime()
          await lease.release()
          return taken
        }),
      )
      await sleep(200)
      await hands.hands[0]?.kill()
      const killed = machineTime()
      const first = Math.min(...(await Promise.all(waits)))
      worst.push(first - killed)
      await Promise.all(others.map((other) => other.close()))
    }
    end()
    const longest = Math.max(...worst)
    figure(
      'waiters: killed holder to the next',
      `${Math.round(longest)} ms`,
      `<= ${TTL} ms + 50 + ${LATE}`,
      longest <= TTL + 50 + LATE,
    )
  })
})

interface Turn {
  token: number
  taken: number
  left: number
}

/** All turns, in order of their tokens. */
function readTurns(log: string): Turn[] {
  const lines = readFileSync(log, 'utf8').trim().split('\n')
  const turns = lines.map((line) => {
    const [token, taken, left] = line.split(' ').map(Number) as [number, number, number]
    return { token, taken, left }
  })
  return turns.sort((x, y) => x.token - y.token)
}

/** How many commands clients have sent so far that are about locks. */
async function commands(redis: RedisServer): Promise<number> {
  const info = String(await redis.command('INFO', 'commandstats'))
  return [...info.matchAll(/^cmdstat_(?:evalsha|eval):calls=(\d+)/gm)].reduce(
    (sum, [, calls]) => sum + Number(calls),
    0,
  )
}
