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
  testing: ['core', 'rules', 'limiters'],
  // A storage that lies elsewhere brings the limiters that ask it.
  redis: ['core', 'limiters'],
  http: ['core', 'limiters', 'resilience'],
  terminal: [],
  // A log's clients are counted as the guards count them.
  cli: ['core', 'rules', 'storage', 'limiters', 'http', 'testing', 'terminal'],
  // It only listens: nothing imports it.
  metrics: ['core', 'terminal'],
  otel: ['core', 'metrics'],
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
/** Files with a second concept inside, to be split; nothing may be added here. */
const TO_BE_SPLIT: readonly string[] = []
/** The only folders that may touch Node itself: all else runs on any runtime. */
const MAY_USE_NODE = ['cli', 'redis']
/** The packages that are needed to run, each by one file. */
const MAY_USE_PACKAGE: Readonly<Record<string, string>> = { croner: 'schedule/cron-plan.ts' }

const files = (readdirSync(src, { recursive: true }) as string[])
  .filter((path) => path.endsWith('.ts'))
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

  it('no file has grown past 300 lines', () => {
    const long = files.filter(({ text }) => text.split('\n').length > 301)
    for (const { path } of long) expect(TO_BE_SPLIT, path).toContain(path)
  })
})
