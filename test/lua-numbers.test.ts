import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'

/** The one number that `pattern` finds in a source file. */
function numberIn(path: string, pattern: RegExp): number {
  const text = readFileSync(new URL(`../src/${path}`, import.meta.url), 'utf8')
  const found = [...text.matchAll(new RegExp(pattern, 'g'))]
  expect(found.length, `places in ${path} that read like ${pattern}`).toBe(1)
  return Number(found[0]?.[1]?.replaceAll('_', ''))
}

/** Lua cannot import, so a few numbers stand in a script and in a module too. */
describe('numbers of scripts and modules', () => {
  it('the turn of other processes is as long for a process as for the server', () => {
    const turn = numberIn('core/lease-store.ts', /TURN: Millis = ([\d_]+)/)
    const inLua = /local .*, TURN = .*, (\d+)\n/
    expect(numberIn('redis/lua/lease.lua', inLua)).toBe(1000 * turn)
  })

  it('a lease that is over is remembered as long by scripts and rule', () => {
    const inLua = /local MEMORY\b.* = (\d+),/
    const memory = numberIn('redis/lua/lease.lua', inLua)
    expect(numberIn('redis/lua/lease-acquire.lua', inLua)).toBe(memory)
    const days = numberIn('rules/lease.ts', /memory = '(\d+)d'/)
    expect(days * 86_400_000_000).toBe(memory)
  })

  it('a job has as many deliveries for a process as for the server', () => {
    const deliveries = numberIn('redis/queues/redis-job-store.ts', /MAX_DELIVERIES = (\d+)/)
    expect(numberIn('redis/queues/lua/ending.lua', /meta\[9\] or (\d+)/)).toBe(deliveries)
  })

  it('a trip carries as many characters for a process as for the server', () => {
    const most = numberIn('redis/queues/trip-size.ts', /MOST_TEXT = ([\d_]+)/)
    for (const script of ['look', 'broadcast'])
      expect(numberIn(`redis/queues/lua/${script}.lua`, /local MOST_TEXT = (\d+)/)).toBe(most)
  })

  it('dead jobs are kept as long for a process as by the server', () => {
    const kept = numberIn('queues/observe/stored-desk.ts', /DEAD_KEPT: Millis = ([\d_]+)/)
    expect(numberIn('redis/queues/lua/step.lua', /retain\(DEAD, meta\[11\], (\d+),/)).toBe(kept)
  })
})
