import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { bundled } from './support/bundled.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const examples = (readdirSync(`${root}examples`, { recursive: true }) as string[])
  .filter((name) => name.endsWith('.ts'))
  .sort()

// An example says what it prints: each `// => text`, at the end of a line or on one of its own, is one line of output, in
// order, and nothing else is printed. `…` stands for what varies. One that lacks what it needs prints `Skipped: ` and why.
describe.concurrent('examples', () => {
  it.for(examples)('%s prints what it claims', { timeout: 120_000 }, async (name, { skip }) => {
    const claims = claimsOf(readFileSync(`${root}examples/${name}`, 'utf8'))
    const { code, out, err } = await run(name)
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
const ownTypeScript = process.versions['bun'] || process.versions['deno']
const console = './test/support/node-console.mjs'
const flags = process.versions['bun'] ? ['--preload', console] : ['run', '-A', '--preload', console]

async function command(name: string): Promise<string[]> {
  if (ownTypeScript) return [...flags, `examples/${name}`]
  // Threads run a file of their own, beside the one that starts them.
  const worker = name.replace('.ts', '-worker.mjs')
  if (existsSync(`${root}examples/${worker}`)) await bundled(`examples/${worker}`)
  return [await bundled(`examples/${name}`)]
}

async function run(name: string): Promise<{ code: number | null; out: string; err: string }> {
  const child = spawn(process.execPath, await command(name), { cwd: root, timeout: 110_000 })
  let out = ''
  let err = ''
  child.stdout.on('data', (chunk) => {
    out += chunk
  })
  child.stderr.on('data', (chunk) => {
    err += chunk
  })
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, out, err }
}
