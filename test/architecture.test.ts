import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const src = fileURLToPath(new URL('../src', import.meta.url))

/** What each folder may import besides itself. The one place where an edge can be added, in plain sight. */
const MAY: Readonly<Record<string, readonly string[]>> = {
  core: [],
  rules: ['core'],
  storage: ['core'],
  limiters: ['core', 'rules', 'storage'],
  resilience: ['core'],
  schedule: ['core', 'resilience'],
  coordination: ['core', 'rules'],
  queues: ['core', 'rules', 'limiters', 'resilience'],
  workers: ['core', 'queues', 'resilience'],
  decorators: ['core', 'rules', 'limiters', 'queues', 'resilience'],
  testing: ['core', 'rules', 'limiters', 'queues'],
  // A storage that lies elsewhere brings the limiters that ask it.
  // It keeps queues too, and knows what a store has to do.
  redis: ['core', 'limiters', 'queues'],
  http: ['core', 'limiters', 'resilience'],
  terminal: [],
  // A log's clients are counted as the guards count them.
  cli: [
    'core',
    'rules',
    'storage',
    'limiters',
    'http',
    'testing',
    'terminal',
    'dashboard',
    'redis',
  ],
  // It only listens: nothing imports it.
  metrics: ['core', 'terminal'],
  otel: ['core', 'metrics'],
  // It looks at all parts, and no part knows of it.
  dashboard: [
    'core',
    'rules',
    'limiters',
    'queues',
    'resilience',
    'workers',
    'schedule',
    'coordination',
    'metrics',
  ],
  // The shelf: everything that is public, and nothing else.
  '.': [
    'core',
    'rules',
    'storage',
    'limiters',
    'queues',
    'resilience',
    'workers',
    'schedule',
    'coordination',
    'decorators',
    'metrics',
  ],
}
/** What each room inside a folder may import of the other rooms of that folder, besides the files that lie in none of them. */
const ROOMS: Readonly<Record<string, readonly string[]>> = {
  'limiters/calls': [],
  'limiters/reservations': ['calls'],
  'limiters/local': ['calls', 'reservations'],
  'limiters/remote': ['calls', 'reservations', 'local'],
  'limiters/adaptive': ['calls', 'reservations', 'local', 'remote'],
  'limiters/composite': ['calls', 'reservations', 'local', 'remote'],
  'redis/client': [],
  'redis/scripts': ['client'],
  'redis/states': ['client', 'scripts'],
  'redis/borrowing': ['client', 'scripts', 'states'],
  'redis/queues': ['client', 'scripts', 'queues/broadcast'],
}
/** How many functions a constructor may be handed: with more of them, one object has been cut into several. */
const MOST_CALLBACKS = 3
/** The only folders that may touch Node itself: all else runs on any runtime. */
const MAY_USE_NODE = ['cli', 'redis']
/** The packages that are needed to run, each by one file. */
const MAY_USE_PACKAGE: Readonly<Record<string, string>> = { croner: 'schedule/cron-plan.ts' }

const files = (readdirSync(src, { recursive: true }) as string[])
  // What a browser runs is bundled when it is built, and has rules of its own.
  .filter((path) => path.endsWith('.ts') && !path.startsWith('dashboard/page'))
  .map((path) => ({
    path,
    folder: path.includes('/') ? (path.split('/')[0] as string) : '.',
    text: readFileSync(join(src, path), 'utf8'),
  }))
const imports = files.flatMap(({ path, folder, text }) =>
  // What stands in the examples of comments is not imported.
  [...text.replace(/^\s*\*.*$/gm, '').matchAll(/(?:from|import\()\s*'([^']+)'/g)].map((match) => ({
    path,
    folder,
    to: match[1] as string,
  })),
)

describe('architecture', () => {
  it('reads every file', () => {
    expect(files.length).toBeGreaterThan(30)
    expect(imports.length).toBeGreaterThan(60)
  })

  it('every folder is known', () => {
    expect([...new Set(files.map(({ folder }) => folder))].sort()).toEqual(
      expect.arrayContaining(Object.keys(MAY).filter((folder) => folder !== 'cli')),
    )
    for (const { folder, path } of files) expect(MAY, path).toHaveProperty([folder])
  })

  it('imports run one way', () => {
    for (const { path, folder, to } of imports) {
      if (!to.startsWith('.')) continue
      const target = relative(src, resolve(src, dirname(path), to))
      const room = target.includes('/') ? (target.split('/')[0] as string) : '.'
      if (room !== folder) expect(MAY[folder], `${path} imports ${to}`).toContain(room)
    }
  })

  it('imports between the rooms of a folder run one way', () => {
    for (const { path, to } of imports) {
      const target = relative(src, resolve(src, dirname(path), to))
      const [room, other] = [dirname(path), dirname(target)]
      const may = ROOMS[room]
      const sameFolder = to.startsWith('.') && other.startsWith(`${dirname(room)}/`)
      if (may === undefined || room === other || !sameFolder) continue
      expect(may, `${path} imports ${to}`).toContain(other.slice(dirname(room).length + 1))
    }
    const rooms = new Set(files.map(({ path }) => dirname(path)))
    for (const room of Object.keys(ROOMS)) expect(rooms).toContain(room)
  })

  it('only what has to touches Node, and nothing outside the package is needed but croner', () => {
    for (const { path, folder, to } of imports) {
      if (to.startsWith('.') || MAY_USE_PACKAGE[to] === path) continue
      expect(to.startsWith('node:') && MAY_USE_NODE.includes(folder), `${path} imports ${to}`).toBe(
        true,
      )
    }
  })

  it('no room is a lumber room', () => {
    for (const { path } of files)
      expect(path).not.toMatch(/\b(utils?|common|base|managers?|helpers?)\b/)
  })

  it('no files import each other in a circle, for their types neither', () => {
    expect(circles()).toEqual([])
  })

  it('no constructor is handed more than three functions', () => {
    for (const { path, text } of files) {
      for (const [, parameters = ''] of text.matchAll(/\bconstructor\(([^{]*?)\) \{/gs)) {
        const callbacks = parameters.match(/=>/g)?.length ?? 0
        expect(callbacks, `${path}: constructor(${parameters})`).toBeLessThanOrEqual(MOST_CALLBACKS)
      }
    }
  })
})

/** Tarjan's algorithm: the files of each circle, sorted. */
function circles(): string[][] {
  const targets = new Map<string, string[]>()
  for (const { path, to } of imports) {
    if (!to.startsWith('.')) continue
    const target = relative(src, resolve(src, dirname(path), to))
    targets.set(path, [...(targets.get(path) ?? []), target])
  }
  const found: string[][] = []
  const order = new Map<string, number>()
  const lowest = new Map<string, number>()
  const stack: string[] = []
  const visit = (path: string) => {
    order.set(path, order.size)
    lowest.set(path, order.get(path) as number)
    stack.push(path)
    for (const target of targets.get(path) ?? []) {
      if (!order.has(target)) visit(target)
      else if (!stack.includes(target)) continue
      lowest.set(path, Math.min(lowest.get(path) as number, lowest.get(target) as number))
    }
    if (lowest.get(path) !== order.get(path)) return
    const circle = stack.splice(stack.indexOf(path)).sort()
    if (circle.length > 1) found.push(circle)
  }
  for (const { path } of files) if (!order.has(path)) visit(path)
  return found.sort()
}
