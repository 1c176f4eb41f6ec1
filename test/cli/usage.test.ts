import { describe, expect, it } from 'vitest'
import { command } from './support.ts'

const NOWHERE = 'redis://me:secret@127.0.0.1:1'

describe('wrong usage', () => {
  it.each([
    [
      ['dashboard', '--redis', '/run/redis.sock'],
      "--redis must begin with redis:// or rediss://, got '/run/redis.sock'",
    ],
    [
      ['dashboard', '--redis', NOWHERE, '--port', 'abc'],
      "--port must be a whole number >= 0, got 'abc'",
    ],
    [['dashboard', '--redis', NOWHERE, '--port', ''], "--port must be a whole number >= 0, got ''"],
    [
      ['dashboard', '--redis', NOWHERE, '--port', '65536'],
      '--port must be a number from 0 to 65535, got 65536',
    ],
    [['dashboard', '--redis', NOWHERE, '--sentinel', ''], "--sentinel must not be empty, got ''"],
    [['dashboard', '--redis'], '--redis needs a value'],
    [
      ['replay', 'a.log', '--limit', '-1/1m'],
      "--limit needs a value, got '-1/1m'; a value that begins with - is written --limit=-1/1m",
    ],
    [['doctor', '--jsn'], "Unknown option '--jsn': the nearest is --json"],
  ])('%j is told by name and value, with exit code 2', async (args, message) => {
    const { code, stdout, stderr } = await command(args)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toContain(`aioflux: ${message}`)
  })

  it.each([['--cluster'], ['--sentinel', 'mymaster']])(
    'a server that cannot be reached by %s is told without a stack and without the password',
    async (...args) => {
      const { code, stderr } = await command(['dashboard', '--redis', NOWHERE, ...args])
      expect(code).toBe(1)
      expect(stderr).toMatch(
        /^aioflux: --redis cannot be reached at redis:\/\/127.0.0.1:1: [^\n]+\n$/,
      )
    },
  )
})
