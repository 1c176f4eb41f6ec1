import { spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const root = fileURLToPath(new URL('..', import.meta.url))
const examples = (readdirSync(`${root}examples`, { recursive: true }) as string[])
  .filter((name) => name.endsWith('.ts'))
  .sort()

// An example says what it prints: each `// => text`, at the end of a line or on one of its own, is one line of output, in
// order, and nothing else is printed. `…` stands for what varies. One that lacks what it needs prints `Skipped: ` and why.
describe.concurrent('examples', () => {
  it.for(examples)('%s prints what it claims', { timeout: 120_000 }, async (name, { skip }) => {
    const claims = claimsOf(readFileSync(`${root}examples/${name}`, 'utf8'))
    const { code, out, err } = await run(`examples/${name}`)
    expect(err).toBe('')
    expect(code).toBe(0)
    if (out.startsWith('Skipped: ')) skip(out.trim())
    expect(claims).not.toEqual([])
    const printed = out.trimEnd().split('\n')
    // Where a line is as claimed, the claim stands in for it, so that what varies does not look like a difference.
    expect(printed.map((line, i) => (isAs(claims[i], line) ? claims[i] : line))).toEqual(claims)
  })
})

function claimsOf(source: string): string[] {
  return [...source.matchAll(/\/\/ =>(?: (.*))?$/gm)].map((match) => match[1] ?? '')
}

function isAs(claim: string | undefined, line: string): boolean {
  if (claim === undefined) return false
  const parts = claim.split('…').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
  return new RegExp(`^${parts.join('.+')}$`).test(line)
}

// Bun and Deno run TypeScript by themselves, and show objects each in its own way.
const console = './test/support/node-console.mjs'
const flags = process.versions['bun']
  ? ['--preload', console]
  : process.versions['deno']
    ? ['run', '-A', '--preload', console]
    : ['--import', 'tsx']

function run(path: string): Promise<{ code: number | null; out: string; err: string }> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [...flags, path], { cwd: root, timeout: 110_000 })
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
