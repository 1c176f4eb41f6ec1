import { describe, expect, it, vi } from 'vitest'
import { mostInAnySecond, perSecond, RATE, shows } from '../../src/cli/demo/limits.ts'
import { arrivals, SECONDS } from '../../src/cli/demo/traffic.ts'
import { child, command } from './support.ts'

// A machine with other things to do takes its time to start a process.
vi.setConfig({ testTimeout: 60_000 })

describe('aioflux demo', () => {
  it('runs in a pipe, without colour', async () => {
    const { code, stdout, stderr } = await child(['demo'])
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).not.toContain('\x1b')
    expect(Math.max(...stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(90)
    expect(stdout).toContain('npx aioflux replay access.log --limit 100/1m --key ip')
  })

  it('has colour on a terminal, unless somebody said otherwise', async () => {
    expect((await command(['demo'], { tty: true })).stdout).toContain('\x1b[32m')
    const plain = await command(['demo'], { tty: true, env: { NO_COLOR: '1' } })
    expect(plain.stdout).not.toContain('\x1b')
  })

  it('shows the same every time, but for what it measures', async () => {
    const [one, two] = [await command(['demo']), await command(['demo'])]
    const steady = (text: string) => text.replace(/[\d.]+ million/g, 'n million')
    expect(steady(one.stdout)).toBe(steady(two.stdout))
  })

  it('lets none of its limits through more than that may', async () => {
    const offered = arrivals()
    const bounds = new Map([
      ['token bucket', { inAnySecond: 3 * RATE, inAll: RATE * SECONDS + 2 * RATE }],
      ['sliding window', { inAnySecond: RATE, inAll: RATE * SECONDS }],
      ['fixed window', { inAnySecond: 2 * RATE, inAll: RATE * SECONDS }],
      ['leaky bucket', { inAnySecond: RATE, inAll: RATE * SECONDS }],
    ])
    const all = await shows(offered)
    expect(all.map(({ name }) => name)).toEqual([...bounds.keys()])
    for (const { name, passed } of all) {
      const bound = bounds.get(name)!
      expect(mostInAnySecond(passed)).toBeLessThanOrEqual(bound.inAnySecond)
      expect(passed.length).toBeLessThanOrEqual(bound.inAll)
      expect(passed.length).toBeLessThan(offered.length)
      expect(passed).toEqual([...passed].sort((a, b) => a - b))
      expect(perSecond(passed, SECONDS).reduce((sum, count) => sum + count, 0)).toBe(passed.length)
    }
  })

  it('prints the figures of what it drew', async () => {
    const offered = arrivals()
    const { stdout } = await command(['demo'])
    for (const { name, passed } of await shows(offered)) {
      const figures = [offered.length, passed.length, offered.length - passed.length]
      expect(stdout).toMatch(
        new RegExp(`${name} +${figures.join(' +')} +\\d+ +${mostInAnySecond(passed)}\n`),
      )
    }
  })

  it('takes a few seconds at most', async () => {
    const before = process.cpuUsage()
    await command(['demo'])
    // The time of this process, whatever else the machine is busy with.
    const { user, system } = process.cpuUsage(before)
    expect((user + system) / 1e6).toBeLessThan(5)
  })

  it('explains itself', async () => {
    const { code, stdout } = await command(['demo', '--help'])
    expect(code).toBe(0)
    expect(stdout).toContain('usage: aioflux demo')
  })
})
