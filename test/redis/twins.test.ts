import { readFileSync } from 'node:fs'
import {
  fixedWindow,
  leakyBucket,
  type Rule,
  type State,
  slidingWindow,
  tokenBucket,
} from 'aioflux'
import { seeded } from 'aioflux/testing'
import { Redis } from 'ioredis'
import { createClient } from 'redis'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
// @ts-expect-error a script without types
import { generated } from '../../scripts/lua.mjs'
import { aged } from '../../src/redis/borrowing/token-lease.ts'
import { link, type Program, paramsOf, takes } from '../../src/redis/scripts/link.ts'
import { script } from '../../src/redis/scripts/script.ts'
import { lease } from '../../src/rules/lease.ts'
import { permits } from '../../src/rules/permits.ts'

/** One step of a trace: at `now`, a move on the states of `key`. */
interface Step {
  readonly now: number
  readonly key: string
  readonly move: 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10
  readonly cost: number
  readonly extra: number
  readonly times: number
  /** Of a reservation: its number; how long it may last, or what an unknown number means; what was used. */
  readonly about?: { readonly id: number; readonly with: number; readonly actual: number }
}

const NEVER = 9_000_000_000_000_000
/** Quotas that calls bring, each for the states of one rule. */
const plans: Readonly<Record<string, Rule[]>> = {
  'token bucket, plans': [
    tokenBucket({ rate: 3, per: '1s' }),
    tokenBucket({ rate: 70, per: '1m', burst: 30 }),
    tokenBucket({ rate: 1e15, per: '1s' }),
  ],
  'leaky bucket, plans': [leakyBucket({ rate: 2, per: '1s', capacity: 20 })],
  'fixed window, plans': [fixedWindow({ rate: 3, per: '1s' }), fixedWindow({ rate: 30, per: 5 })],
  'calendar window, plans': [
    fixedWindow({ rate: 3, align: 'day', timezone: 'America/New_York' }),
    fixedWindow({ rate: 30, align: 'day', timezone: 'America/New_York' }),
  ],
  'sliding window, plans': [
    slidingWindow({ rate: 3, per: '1s' }),
    slidingWindow({ rate: 30, per: 5 }),
  ],
}

const lists: [string, () => Rule[]][] = [
  ...Object.keys(plans).map((name): [string, () => Rule[]] => [
    name,
    () => [lists.find(([own]) => own === name.replace(', plans', ''))?.[1]()[0] as Rule],
  ]),
  ['token bucket', () => [tokenBucket({ rate: 7, per: '1s' })]],
  // What its grain lets pass is more than half of what some calls cost.
  ['token bucket, fast', () => [tokenBucket({ rate: 1e9, per: '1s', burst: 10.1 })]],
  [
    'token bucket, a third of a microsecond',
    () => [tokenBucket({ rate: 3e6, per: '1s', burst: 9e7 })],
  ],
  ['token bucket, 30 days', () => [tokenBucket({ rate: 100, per: '30d' })]],
  ['leaky bucket', () => [leakyBucket({ rate: 7, per: '1s', capacity: 12 })]],
  ['token bucket, a share', () => [tokenBucket({ rate: 7, per: '1s' }).shared?.(0.6) as Rule]],
  ['leaky bucket, a share', () => [leakyBucket({ rate: 9, per: '1s' }).shared?.(0.5) as Rule]],
  ['fixed window', () => [fixedWindow({ rate: 7, per: '1s' })]],
  ['calendar window', () => [fixedWindow({ rate: 7, align: 'day', timezone: 'America/New_York' })]],
  ...(['minute', 'hour', 'week', 'month'] as const).map((align): [string, () => Rule[]] => [
    `calendar window of a ${align}`,
    () => [fixedWindow({ rate: 9, align, timezone: 'Asia/Kolkata' })],
  ]),
  [
    'calendar and bucket',
    () => [
      fixedWindow({ rate: 20, align: 'hour' }),
      tokenBucket({ rate: 9, per: '1h', burst: 12 }),
    ],
  ],
  ['sliding window', () => [slidingWindow({ rate: 7, per: '1s' })]],
  ['sliding window of many', () => [slidingWindow({ rate: 1000, per: '1s' })]],
  [
    'two buckets',
    () => [tokenBucket({ rate: 9, per: '1s', burst: 12 }), leakyBucket({ rate: 70, per: '10s' })],
  ],
  ['permits', () => [permits({ limit: 9, ttl: 2 })]],
  ['lease', () => [lease({ memory: 2 })]],
  ['two leases', () => [lease({ memory: 2 }), lease({ memory: 2 })]],
  [
    'composite of three',
    () => [
      tokenBucket({ rate: 9, per: '1s', burst: 12 }),
      slidingWindow({ rate: 20, per: '3s' }),
      fixedWindow({ rate: 40, per: '10s' }),
    ],
  ],
]

describe('twins', () => {
  const url = inject('redisUrl')
  const ioredis = new Redis(url, { lazyConnect: true })
  const nodeRedis = createClient({ url })
  beforeAll(async () => {
    await Promise.all([ioredis.connect(), nodeRedis.connect()])
  })
  afterAll(() => {
    ioredis.disconnect()
    nodeRedis.destroy()
  })
  const clients = {
    ioredis: (text: string, keys: string[], args: string[]) =>
      ioredis.eval(text, keys.length, ...keys, ...args),
    'node-redis': (text: string, keys: string[], args: string[]) =>
      nodeRedis.eval(text, { keys, arguments: args }),
  }

  for (const [name, rules] of lists) {
    for (const client of ['ioredis', 'node-redis'] as const) {
      it(`${name}: the same verdicts and states, bit by bit, through ${client}`, async () => {
        for (let seed = 0; seed < 4; seed++) {
          const steps = trace(seed, lengthOf(name), rules())
          const there = await inRedis(name, rules(), steps, clients[client], `${client}-${seed}`)
          expect(there).toEqual(inTypeScript(name, rules(), steps))
        }
      })
    }
  }

  const mutants: [string, string, string][] = [
    ['token bucket, fast', 'if over <= grain', 'if over <= 0'],
    ['token bucket', 'over > 0 and rule', 'over > 1 and rule'],
    ['token bucket, fast', 'math.min(p.grain, cost / 2)', 'p.grain'],
    ['token bucket', 'if now > at or', 'if true or'],
    ['token bucket', 's[1] - elapsed / p.interval', 's[1] - (elapsed + 1) / p.interval'],
    ['token bucket', 'if elapsed <= 0 then', 'if false then'],
    ['token bucket', 'if elapsed < -p.span then return 0 end', ''],
    ['token bucket', 'then return -wait end', 'then return -wait - 1 end'],
    ['token bucket', 'if behind > p.grain', 'if false'],
    ['leaky bucket', 'rule.write(p, s, now, level + cost)', 'rule.write(p, s, now, level)'],
    ['leaky bucket', 'return wait / p.interval\nend', 'return 1 + wait / p.interval\nend'],
    ['fixed window', 'windows = windows + 1', 'windows = windows'],
    ['calendar window', 'if at >= p[i] then', 'if at > p[i] + 60000000 then'],
    ['calendar window', 'return p[i]\nend', 'return p[1] + (i - 1) * p.per\nend'],
    ['calendar window', 'if rolled < -1 then return math.huge end', ''],
    ['calendar window', 'ahead = ahead + 1', 'ahead = ahead'],
    ['calendar window', 'if count ~= 0 then window = s[1] + rolled end', ''],
    ['calendar window', 'if not later then', 'if true then'],
    ['calendar window', 's[2] - rolled * (s[3] or p.rate)', 's[2]'],
    ['calendar window, plans', 'rolled * (s[3] or p.rate)', 'rolled * p.rate'],
    ['calendar window, plans', 'if pace ~= p.rate then return', 'if false then return'],
    ['calendar window, plans', 's[3] = pace\nreturn wait', 'return wait'],
    ['calendar window, plans', 's[3] = pace\nend', 'end'],
    ['fixed window, plans', 'rolled * (s[3] or p.rate)', 'rolled * p.rate'],
    ['fixed window, plans', 'math.min(count, before) > p.rate', 'count > p.rate'],
    ['fixed window, plans', 'math.max(1, math.floor(count / pace))', '1'],
    ['fixed window, plans', 'math.ceil(count / pace) - 1', 'math.ceil(count / p.rate) - 1'],
    ['fixed window, plans', 'math.ceil(count / pace_of(p, s, count))', 'math.ceil(count / p.rate)'],
    ['fixed window, plans', 's[3] = pace\nend', 'end'],
    ['fixed window', 'if elapsed < -p.per then return math.huge end', ''],
    ['fixed window', 'if not later then', 'if true then'],
    ['sliding window', 'if total + cost <= ceiling', 'if total + cost <= ceiling - 1'],
    ['sliding window', 'return s[i] + p.per <= now', 'return s[i] + p.per < now'],
    ['sliding window', 'if leaves > due then due = leaves end', ''],
    [
      'sliding window of many',
      's[last] = s[i]\ns[last + 1] = s[last + 1] + s[i + 1]',
      's[last + 1] = s[last + 1] + s[i + 1]',
    ],
    ['composite of three', 'if peek or not granted then states = before end', ''],
    ['composite of three', 'if verdict < 0 then granted = false end', 'granted = verdict >= 0'],
    ['permits', 'if s[i + 1] > 0 and s[i + 2] > now then', 'if s[i + 1] > 0 then'],
    ['permits', 's[i + 1] = s[i + 1] - cost', 's[i + 1] = 0'],
    ['permits', 'if inside + cost > p.limit * (1 + 1e-9)', 'if inside + cost >= p.limit'],
    ['composite of three', 'now, costs[i], extra)', 'now, costs[1], extra)'],
    ['composite of three', 'now, costs[i], now + extra)', 'now, costs[1], now + extra)'],
    ['fixed window', 'math.max(blocked[i], now + extra)', 'now + extra'],
    ['fixed window', 'if costs[i] == 2 then', 'if false then'],
    ['lease', 'math.max(s[2] + 1, now)', 'now'],
    ['lease', 'math.max(s[2] + 1, now)', 's[2] + 1'],
    ['lease', 'if ends <= now or s[1] ~= -holder', 'if s[1] ~= -holder'],
    ['lease', 'or s[1] ~= -holder', ''],
    ['lease', 'elseif s[1] ~= holder then', 'else'],
    ['lease', 'if s[3] - now > 2 * p.memory then return now end', ''],
    ['lease', 'math.max(0, s[3] + p.memory - now)', 'math.max(0, s[3] - now)'],
    ['two leases', 'r = r + 1\nreplies[r] = rules[i].token(states[i])', ''],
    ['token bucket', "'<' .. string.rep('d', count)", "'<' .. string.rep('f', count)"],
    ['token bucket', 'if state[count - 1] > now then', 'if true then'],
    ['token bucket', 'if not lent and cost == 0 then', 'if not lent then'],
    ['token bucket', 'params[i], states[i], now) / 4)', 'params[i], states[i], now) / 3)'],
    ['token bucket', 'return lent and lot or 0, true', 'return lot, true'],
    ['token bucket', 'for i = 1, size do verdicts[i] = now end', ''],
    ['token bucket', 'local back = rest - math.max(0, now - at)', 'local back = rest - 0 * at'],
    ['leaky bucket', 'math.max(0, now - at) / params', '(now - at) / params'],
    // The shorter way for most of what is asked.
    ['token bucket', 'math.max(0, used - elapsed /', 'math.max(0, used - (elapsed + 1) /'],
    ['token bucket', 'elseif elapsed < -p.span then\nused = 0', ''],
    ['token bucket', 'if over > p.grain then\nverdict', 'if over > p.grain + 0.5 then\nverdict'],
    ['token bucket', 'verdict = -rule.time_to(p, over, 1)', 'verdict = rule.time_to(p, over, 1)'],
    ['token bucket', 'if elapsed > 0 or elapsed < -p.span then at = now end', 'at = now'],
    ['token bucket', 'before = used\n', ''],
    ['token bucket', 'at, remaining, used * p', 'at, remaining, before * p'],
    ['token bucket', 'blocked > now and 0 or times', 'times'],
    ['token bucket', 'verdict = math.min(now - blocked, own)', ''],
    ['token bucket', 'math.min(now - blocked, own)', 'now - blocked'],
    ['token bucket', "pack('<ddd', a, b, 0)", "pack('<dd', a, b)"],
    ['token bucket', "begin(key, live, '<ddd', a, b, 0)", "begin(key, live, '<ddd', a, now, 0)"],
    ['token bucket', 'if lives - now >= live then', 'if lives - now >= 0 then'],
    ['leaky bucket', 'if granted < times then\nr = r + 1', 'if granted < 1 then\nr = r + 1'],
    // One move on states of one rule.
    ['fixed window', 'if blocked > now then\nverdict', 'if false then\nverdict'],
    ['fixed window', 'if own < verdict and own > -math.huge then verdict = own end', ''],
    ['fixed window', 'reserve(params, twin, now, cost, 0)', 'reserve(params, state, now, cost, 0)'],
    ['two buckets', 'if own < verdict and own > -math.huge then verdict = own end', ''],
    ['token bucket, plans', 'copy(states[i]), now, costs[i], 0)', 'states[i], now, costs[i], 0)'],
    ['fixed window', 'dirty = verdict >= 0', 'dirty = verdict > 0'],
    ['fixed window', 'elseif value then\nrule.refund', 'elseif not value then\nrule.refund'],
    [
      'fixed window',
      'now, cost, now + extra)\nend\nlocal idle',
      'now, cost, now)\nend\nlocal idle',
    ],
    ['fixed window', 'math.max(idle, blocked - now)', 'idle'],
    ['token bucket', 'math.max(idle, blocked - now)', 'idle'],
    ['token bucket', "if value then call('DEL', key) end", ''],
    ['sliding window', 'elseif count == size + 1 and', 'elseif value and'],
    ['sliding window', 'if #value ~= length then', 'if not length then'],
    ['permits', 'at = at + 2', ''],
    ['lease', 'state[count] = lives\n', 'state[count] = now\n'],
    ['lease', 'verdict < 0 and whole(verdict) or rule', 'verdict < 0 and verdict or rule'],
    ['lease', 'and lives - now >= live then\nstate', 'and lives - now >= 0 then\nstate'],
    ['fixed window', 'if moves > 0 or granted < times', 'if moves > 0 or granted < 1'],
    // Reservations.
    ['token bucket', 's[i + 2] < 0 and rule.over(s, i, now) then left', 's[i + 2] < 0 then left'],
    ['token bucket', 'left - math.min(s[i + 1], left)', 'left - s[i + 1]'],
    ['token bucket', 'math.abs(s[i + 2]) <= now', 'math.abs(s[i + 2]) < now - 50000'],
    ['token bucket', 's[i], math.min(s[i + 1], used), s[i + 2]', 's[i], s[i + 1], s[i + 2]'],
    ['token bucket', 'if #s > 2 then rule.note(s, now, rule.used(p, s, now)) end', ''],
    ['token bucket', 'last = math.max(last, math.abs(s[i + 2]))', ''],
    ['token bucket', 'return now + 2 * ttl', 'return now + ttl'],
    ['leaky bucket', 'rule.end_of(now + wait, ttl)', 'rule.end_of(now, ttl)'],
    ['token bucket', '-math.min(s[i + 1], used))', '-used)'],
    ['token bucket', 'or not i and how == 2 then', 'then'],
    ['token bucket', 'elseif i or how == 1 then', 'elseif i then'],
    ['token bucket', 'for _ = 1, i and WIDTH or 0 do', 'for _ = 1, 0 do'],
    ['token bucket', 'if not i or rule.over(s, i, now) then return -1', 'if not i then return -1'],
    ['two buckets', 'tonumber(ARGV[at + i]), with)', 'tonumber(ARGV[at + 1]), with)'],
    ['two buckets', 'if verdicts[i] < 0 then granted = 0 end', ''],
    ['two buckets', 'if move ~= EXTEND then at = at + size end', ''],
    ['token bucket', 'if id then', 'if false then'],
    ['token bucket', 'if granted > 0 then rule.write(params, state, now, a) end', ''],
    ['token bucket', 'live = rule.idle_after(params, state, now)', ''],
    ['token bucket', 'a, b = rule.used(params, state, now), now', 'a, b = state[1], state[2]'],
    // Writing in place, and how long a state lives.
    ['sliding window', '== 8 * count + 8 and lives', '~= 0 and lives'],
    ['fixed window', 'lives[i] - now >= live', 'lives[i] - now >= 0'],
    ['fixed window', 'live + live / SHARE + SLACK', 'live + SLACK'],
    ['token bucket', 'if moved then save', 'if true then save'],
    ['token bucket', 'math.max(rest, blocked[i] - now)', 'rest'],
    ['sliding window', 'known[i] and math.max(lives[i] - now, 0) or 0', '0'],
    ['composite of three', 'if written[key] ~= nil then value = written[key] end', ''],
    ['composite of three', 'written[key] = value\n', ''],
    ['composite of three', 'written[key] = begin(', 'begin('],
    ['composite of three', 'written[key] = false', ''],
  ]
  it.each(mutants)('a mutant of %s is caught: %s', async (name, from, to) => {
    const rules = lists.find(([list]) => list === name)?.[1] as () => Rule[]
    let caught = false
    for (let seed = 0; seed < 24 && !caught; seed++) {
      const steps = trace(seed, lengthOf(name), rules())
      let found = false
      const mutate = (text: string) => {
        found ||= text.includes(from)
        return text.replaceAll(from, to)
      }
      const prefix = `mutant-${mutants.findIndex((one) => one[1] === from && one[2] === to)}-${seed}`
      const there = await inRedis(name, rules(), steps, clients.ioredis, prefix, mutate).catch(
        () => 'failed',
      )
      expect(found, 'what is to be mutated').toBe(true)
      caught = JSON.stringify(there) !== JSON.stringify(inTypeScript(name, rules(), steps))
    }
    expect(caught).toBe(true)
  })

  it('the generated module is that of the .lua files', () => {
    const path = new URL('../../src/redis/scripts/lua.generated.ts', import.meta.url)
    expect(readFileSync(path, 'utf8')).toBe(generated())
  })

  it('the server names a script as we do', async () => {
    const linked = link([tokenBucket({ rate: 1 })])
    expect(await ioredis.script('LOAD', linked.text)).toBe(linked.sha)
    expect(script('return 1').sha).toBe('e0e1f9fabfc9d4800c877a703b823ac0578ff8db')
  })

  /** What Redis answers to a trace, and how the states stand at the end. */
  async function inRedis(
    list: string,
    rules: Rule[],
    steps: Step[],
    run: (text: string, keys: string[], args: string[]) => Promise<unknown>,
    prefix: string,
    mutate = (text: string) => text,
  ) {
    const programs = ['driver', 'single', 'take'] as const
    const texts = new Map<Program, string>()
    for (const program of programs) {
      // Only where it can be asked for.
      const possible =
        program === 'driver' ||
        (rules.length === 1 && (program === 'single' || takes(rules[0] as Rule)))
      if (possible) texts.set(program, mutate(link(rules, program, 'caller').text))
    }
    const names = (key: string) =>
      rules.map((_, i) => `twins-${process.pid}-${list}-${prefix}-${nameOf(key, i)}`)
    const replies = await Promise.all(
      callsOf(rules, steps).map((call) => {
        const program = programOf(rules, call)
        const moves = program === 'single' ? argumentsOf(call) : movesOf(call, rules.length)
        const { now } = call[0] as Step
        const keys = call.flatMap(({ key }) => names(key))
        const judges = judgesOf(list, rules, call[0] as Step)
        return run(
          texts.get(program) as string,
          keys,
          [now, ...paramsOf(judges, now + skewOf(rules, now)), ...moves].map(String),
        )
      }),
    )
    const values = await ioredis.mgetBuffer(...['a', 'b', 'c'].flatMap(names))
    return {
      replies: replies.map((reply) => (reply as unknown[]).map(Number)),
      states: values.map((value) => value && [...new Float64Array(new Uint8Array(value).buffer)]),
    }
  }
})

/** How far the clock of the caller is off that of the server: up to two windows, either way. */
function skewOf(rules: Rule[], now: number): number {
  const span = Math.min(...rules.map((rule) => rule.span))
  return ((now % 5) - 2) * span
}

/** What judges a call: the rules themselves, or a quota that it brings. */
function judgesOf(name: string, rules: Rule[], { now }: Step): Rule[] {
  const brought = plans[name]?.[Math.abs(Math.floor(now / 7)) % 4]
  return brought === undefined ? rules : [brought]
}

/** Most of what is asked has a short form; of that, every other step is asked in the long one. */
function isShort({ move, cost, extra, now }: Step): boolean {
  return move === 1 && cost === 1 && extra === 0 && now % 2 === 0
}

/** What runs a call, as in batch.ts; but of what `single` can run, `driver` runs a third. */
function programOf(rules: Rule[], call: Step[]): Program {
  const [rule] = rules as [Rule]
  const [{ now, move }] = call as [Step]
  if (rules.length > 1) return 'driver'
  if (takes(rule) && call.every(isShort)) return 'take'
  const alike = call.every((step) => step.times === 1 && step.move === move)
  return alike && (move === 1 || move === 3) && now % 3 !== 0 ? 'single' : 'driver'
}

/** What `single` is told. */
function argumentsOf(call: Step[]): number[] {
  if (call.every(isShort)) return []
  return [(call[0] as Step).move, ...call.flatMap(({ cost, extra }) => [cost, extra])]
}

/** What `driver` and `take` are told. */
function movesOf(call: Step[], rules: number): number[] {
  if (call.every((step) => isShort(step) && step.times === 1)) return []
  return call.flatMap((step) => {
    const { move, extra, times, about } = step
    if (isShort(step)) return [-times]
    const plain = [1, move, extra, times, ...costsOf(step, rules)]
    if (about === undefined) return plain
    return [...plain, about.id, about.with, ...(move === 9 ? actualsOf(about, rules) : [])]
  })
}

/** What was used at each rule. */
function actualsOf({ actual }: { actual: number }, rules: number): number[] {
  return Array.from({ length: rules }, (_, i) => actual * (i + 1))
}

/** What a step costs at each rule: of every third step on three rules not the same. */
function costsOf({ cost, now, move }: Step, rules: number): number[] {
  const apart = rules > 2 && move <= 3 && now % 3 === 0
  return Array.from({ length: rules }, (_, i) => (apart && i > 0 ? cost / 2 + i : cost))
}

/** The state of a rule under a key. The last of three rules has one state for all keys, as a limit in all beside one for each. */
function nameOf(key: string, i: number): string {
  return `${i === 2 ? 'all' : key}-${i}`
}

/** What of a trace is asked in one call: steps of one moment, each on other states than the ones before, or of many rules. */
function callsOf(rules: Rule[], steps: Step[]): Step[][] {
  const calls: Step[][] = []
  for (const step of steps) {
    const last = calls.at(-1)
    const joins = last?.every(
      ({ now, key }) => now === step.now && (rules.length > 1 || key !== step.key),
    )
    if (joins) last?.push(step)
    else calls.push([step])
  }
  return calls
}

/** Long enough for moments to gather until they have to be joined. */
function lengthOf(name: string): number {
  return name.endsWith('of many') ? 1500 : 400
}

function trace(seed: number, length: number, rules: Rule[]): Step[] {
  const random = seeded(seed)
  const span = Math.round(Math.min(...rules.map((rule) => rule.span)))
  const capacity = Math.min(...rules.map((rule) => rule.capacity))
  // Where much is let through, calls come so densely that the moments of a window have to be joined.
  const pace = capacity > 500 ? 150 : 3
  let now = 1_700_000_000_000_000
  // Reservations whose time has not come, to be given back.
  const open: { key: string; cost: number; due: number }[] = []
  // Lots that were lent, to be returned.
  const lots: { key: string; rest: number; at: number }[] = []
  // Reservations that were made, to be settled and extended; some twice, some late, some never.
  const holds: { key: string; id: number; cost: number; how: number }[] = []
  return Array.from({ length }, () => {
    // Seldom a leap, where moments have to gather.
    const dice = pace > 3 && random() < 0.95 ? random() / 2 : random()
    if (dice < 0.5) now += Math.floor((random() * random() * span) / pace)
    else if (dice < 0.52) now += span
    else if (dice < 0.54) now += Math.floor(random() * span * 3)
    else if (dice < 0.62) now -= Math.floor(random() * random() * span)
    else if (dice < 0.63) now -= Math.floor(span * (2 + random()))
    const key = random() < 0.6 ? 'a' : random() < 0.5 ? 'b' : 'c'
    const most = pace > 3 ? 3 : capacity
    const cost = random() < 0.7 ? 1 : random() < 0.2 ? 0.5 : Math.ceil(random() * most)
    // Nor a reset or a block, where moments have to gather.
    const kind = random() * (pace > 3 ? 0.95 : 1)
    if (rules[0]?.kind === 'permits') {
      // The last argument is the number of a permit: a few of them, coming, renewed and going.
      const id = 1 + Math.floor(random() * 6)
      return { now, key, move: kind < 0.6 ? 1 : kind < 0.7 ? 2 : 3, cost, extra: id, times: 1 }
    }
    if (rules[0]?.kind === 'lease') {
      // The cost is a term, 0 to give it back; the last argument is the holder, negative to go on only.
      const holder = (1 + Math.floor(random() * 3)) * (random() < 0.4 ? -1 : 1)
      const term = holder < 0 && random() < 0.3 ? 0 : Math.ceil((random() * span) / 8)
      const move = kind < 0.8 ? 1 : kind < 0.9 ? 2 : kind < 0.98 ? 3 : 4
      return { now, key, move, cost: term, extra: holder, times: 1 }
    }
    // Every fourth trace has reservations.
    if (seed % 4 === 3 && random() < 0.25 && rules.every((rule) => rule.holds !== undefined)) {
      const ttl = Math.ceil((random() * span) / 2)
      if (random() < 0.5) {
        const how = random() < 0.5 ? 1 : 2
        const id = 1 + Math.floor(random() * 1e9)
        holds.push({ key, id, cost, how })
        const about = { id, with: how === 1 ? ttl : -ttl, actual: 0 }
        const patience = random() < 0.3 ? Math.floor(random() * span) : 0
        return { now, key, move: 8, cost, extra: patience, times: 1, about }
      }
      const i = Math.floor(random() * holds.length)
      const held = holds[i] ?? { key, id: 1, cost, how: 1 }
      if (random() < 0.6) holds.splice(i, 1)
      if (random() < 0.3) {
        const about = { id: held.id, with: held.how === 1 ? ttl : -ttl, actual: 0 }
        return { now, key: held.key, move: 10, cost: 1, extra: 0, times: 1, about }
      }
      const actual = random() < 0.5 ? Math.floor(random() * held.cost) : random() * 2 * held.cost
      const about = { id: held.id, with: random() < 0.3 ? 0 : held.how, actual }
      return { now, key: held.key, move: 9, cost: held.cost, extra: 0, times: 1, about }
    }
    if (kind < 0.07) {
      const want = 2 + Math.floor(random() * most)
      lots.push({ key, rest: random() * want, at: now })
      return { now, key, move: 6, cost: random() < 0.5 ? 0 : cost, extra: want, times: 1 }
    }
    if (kind < 0.12 && rules.every((rule) => rule.drain !== undefined)) {
      const lot = lots.splice(Math.floor(random() * lots.length), 1)[0] ?? { key, rest: 1, at: now }
      return { now, key: lot.key, move: 7, cost: lot.rest, extra: lot.at, times: 1 }
    }
    if (kind < 0.55) return { now, key, move: 1, cost, extra: 0, times: random() < 0.2 ? 5 : 1 }
    if (kind < 0.7) {
      open.push({ key, cost, due: now + span / 2 })
      return { now, key, move: 1, cost, extra: Math.floor(random() * span * 2), times: 1 }
    }
    if (kind < 0.8) return { now, key, move: 2, cost, extra: 0, times: 1 }
    if (kind < 0.95) {
      const given = open.splice(Math.floor(random() * open.length), 1)[0]
      const left = given && random() < 0.7 ? Math.max(0, Math.floor(given.due - now)) : 0
      return {
        now,
        key: given?.key ?? key,
        move: 3,
        cost: given?.cost ?? cost,
        extra: left,
        times: 1,
      }
    }
    if (kind < 0.97) return { now, key, move: 4, cost: 1, extra: 0, times: 1 }
    // A block that replaces a longer one, of nothing at times: an unblock.
    const replace = random() < 0.5 ? 2 : 1
    const length = replace === 2 && random() < 0.3 ? 0 : (random() * span) / 2
    return { now, key, move: 5, cost: replace, extra: Math.floor(length), times: 1 }
  })
}

interface Stored {
  readonly state: State
  readonly blocked: number
  readonly lives: number
}

/** The same by the rules themselves: what driver.lua does around the twins, in the plainest words. */
function inTypeScript(list: string, own: Rule[], steps: Step[]) {
  const stored = new Map<string, Stored>()
  const whole = (n: number) => Math.max(-NEVER, Math.min(NEVER, n))
  const replyTo = (step: Step, program: Program) => {
    const rules = judgesOf(list, own, step)
    const { now, key, move, cost, extra, times, about } = step
    const known = rules.map((_, i) => stored.get(nameOf(key, i)))
    const group = rules.map((rule, i) => {
      const one = known[i]
      if (one === undefined) return { state: rule.fresh(now), blocked: 0 }
      return { state: [...one.state], blocked: one.blocked > now ? one.blocked : 0 }
    })
    let verdicts = rules.map(() => 0)
    let granted = 0
    let dirty = false
    const costs = isShort(step) ? rules.map(() => 1) : costsOf(step, rules.length)
    const judge = (peek: boolean, each: number | readonly number[], patience = 0) => {
      const trial = group.map(({ state }) => [...state])
      verdicts = rules.map((rule, i) => {
        const { blocked } = group[i] as { blocked: number }
        const cost = typeof each === 'number' ? each : (each[i] as number)
        const one = trial[i] as State
        if (blocked > now) {
          const own = patience > 0 ? 0 : rule.reserve([...one], now, cost, 0)
          return own > -Infinity ? Math.min(now - blocked, own) : now - blocked
        }
        return about !== undefined && move === 8
          ? (rule.holds?.hold(one, now, cost, patience, about.id, about.with) ?? Number.NaN)
          : rule.reserve(one, now, cost, patience)
      })
      const all = verdicts.every((verdict) => verdict >= 0)
      if (all && !peek) for (const [i, one] of group.entries()) one.state = trial[i] as State
      return all
    }
    if (move === 1) {
      while (granted < times && judge(false, costs, extra)) granted++
      dirty = granted > 0
    } else if (about !== undefined && move === 8) {
      if (judge(false, costs, extra)) granted = 1
      dirty = granted > 0
    } else if (about !== undefined) {
      dirty = true
      verdicts = rules.map(({ holds }, i) => {
        const { state } = group[i] as { state: State }
        if (move === 10) return holds?.extend(state, now, about.id, about.with) ?? Number.NaN
        const actual = actualsOf(about, rules.length)[i] as number
        holds?.settle(state, now, about.id, costs[i] as number, actual, about.with as 0 | 1 | 2)
        return 0
      })
      granted = verdicts.every((verdict) => verdict >= 0) ? 1 : 0
    } else if (move === 2) granted = judge(true, costs, extra) ? 1 : 0
    else if (move === 6) {
      const taken = cost === 0 || judge(false, cost)
      const lot = Math.min(
        extra,
        ...rules.map((rule, i) =>
          Math.max(1, Math.floor(rule.remaining(group[i]?.state as State, now) / 4)),
        ),
      )
      const lent = taken && judge(false, lot)
      dirty = lent || (taken && cost > 0)
      if (dirty) verdicts = rules.map(() => now)
      granted = lent ? lot : 0
    } else if (move === 7) {
      verdicts = rules.map(() => 0)
      dirty = known[0] !== undefined
      for (const [i, one] of dirty ? group.entries() : []) {
        const rule = rules[i] as Rule
        const back = aged(cost, now - extra, rule.drain?.interval ?? Number.NaN)
        if (back > 0) rule.refund(one.state, now, back, now)
      }
    } else {
      dirty = true
      for (const [i, one] of group.entries()) {
        const rule = rules[i] as Rule
        if (move === 3 && known[i]) rule.refund(one.state, now, costs[i] as number, now + extra)
        if (move === 4) Object.assign(one, { state: rule.fresh(now), blocked: 0 })
        if (move === 5) one.blocked = cost === 2 ? now + extra : Math.max(one.blocked, now + extra)
      }
    }
    const reply = program === 'single' ? [] : [granted]
    for (const [i, rule] of rules.entries()) {
      const { state } = group[i] as { state: State }
      const verdict = whole(verdicts[i] as number)
      if (program === 'single' && rule.token !== undefined) {
        reply.push(verdict < 0 ? verdict : rule.token(state))
        continue
      }
      if (program === 'single' || !isShort(step) || granted < times) reply.push(verdict)
      reply.push(
        Math.floor(rule.remaining(state, now)),
        whole(Math.ceil(rule.idleAfter(state, now))),
        ...(rule.token === undefined ? [] : [rule.token(state)]),
      )
    }
    if (dirty) {
      // Each state lives and dies for itself.
      for (const [i, one] of group.entries()) {
        const name = nameOf(key, i)
        const before = known[i]
        if (move === 5) {
          // A block moves nothing: the state lives on as before, by whichever rule it was moved.
          const rest = before === undefined ? 0 : Math.max(0, before.lives - now)
          if (Math.max(rest, one.blocked - now) > 0) stored.set(name, { ...one, lives: now + rest })
          else stored.delete(name)
          continue
        }
        const idle = Math.max((rules[i] as Rule).idleAfter(one.state, now), one.blocked - now)
        const inPlace = before?.state.length === one.state.length && before.lives - now >= idle
        const lives = inPlace ? before.lives : now + (idle + idle / 8 + 1_000_000)
        if (idle > 0) stored.set(name, { ...one, lives })
        else stored.delete(name)
      }
    }
    return reply
  }
  const replies = callsOf(own, steps).map((call) => {
    const program = programOf(own, call)
    return call.flatMap((step) => replyTo(step, program))
  })
  const states = ['a', 'b', 'c'].flatMap((key) =>
    own.map((_, i) => {
      const one = stored.get(nameOf(key, i))
      return one ? [...one.state, one.blocked, one.lives] : null
    }),
  )
  return { replies, states }
}
