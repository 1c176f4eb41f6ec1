import { spawn } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const root = fileURLToPath(new URL('..', import.meta.url))
const examples = readdirSync(`${root}examples`).filter((name) => name.endsWith('.ts'))

describe('examples', () => {
  it.each(examples)('%s runs to its end and says something', async (name) => {
    const { code, out, err } = await run(`examples/${name}`)
    expect(err).toBe('')
    expect(code).toBe(0)
    expect(out.trim().split('\n').length).toBeGreaterThan(0)
    expect(out.trim()).not.toBe('')
  })
})

function run(path: string): Promise<{ code: number | null; out: string; err: string }> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, ['--import', 'tsx', path], { cwd: root, timeout: 25_000 })
    let out = ''
    let err = ''
    child.stdout.on('data', (chunk) => {
      out += chunk
    })
    child.stderr.on('data', (chunk) => {
      err += chunk
    })
    child.on('close', (code) => resolve({ code, out, err }))
  })
}
