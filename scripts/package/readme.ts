import { readFileSync } from 'node:fs'
import { root } from './entries.ts'

/** A README, as a user reads it who follows it in an own project. */
export interface Readme {
  /** Each block of TypeScript, in order. */
  code: string[]
  /** The commands for a project, by the block they stand in. */
  inProject: string[]
  /** The commands for a clone of the repository. */
  inClone: string[]
  /** How the package gets from the clone into the project: the command in the clone, and that in the project. */
  install: [clone: string, project: string]
  /** What the code says it prints, in order. */
  claims: string[]
}

/** What a reader has before the first block: names that stand for their own program. */
const READER = `
import { createServer } from 'node:http'
import express from 'express'
import { CircuitBreaker as Gateway, LimiterFactory as Limits, rateLimit } from 'aioflux'
import { dashboard } from 'aioflux/dashboard'
interface Mail { to: string }
const request = new Request('http://localhost/')
const mail: Mail = { to: 'ann' }
const id = 'ann'
const api = Limits.tokenBucket({ rate: 10, name: 'the api' })
const gateway = new Gateway({ name: 'gateway' })
const handle = async (_: Request) => {}
const call = async () => {}
const fetchResults = async (text: string) => [text]
const readUser = async (user: string) => ({ user })
const fetchUser = async (user: string) => \`user \${user}\`
const send = async (to: Mail | string) => \`sent to \${typeof to === 'string' ? to : to.to}\`
const save = async (_name: string, _: { fence: number; signal: AbortSignal }) => {}
const refresh = () => {}
const ask = async (text: string) => ({ text: \`about \${text}\`, usage: { totalTokens: 320 } })
// It answers 200 without a network.
const url = 'data:,200'
const port = 0
const sessionOf = async (_: object) => ({ name: 'nika', isOperator: true })
const report = () => {}
const celebrate = () => {}
`

/** What the blocks show in comments, since a process does one or the other. */
const COMMENTED = /^\/\/ ((?:await )?mails\.\w+\(.*?\))(?: {2,}.*)?$/gm

export function readme(name: string): Readme {
  const page = readFileSync(root + name, 'utf8')
  const blocks = [...page.matchAll(/^```(ts|sh)\n([\s\S]*?)^```$/gm)].map(([, kind, text]) => ({
    kind,
    text: text as string,
  }))
  const commands = blocks.filter(({ kind }) => kind === 'sh').map(({ text }) => text.trim())
  const inline = (pattern: RegExp) => {
    const found = pattern.exec(page)?.[1]
    if (found === undefined) throw new Error(`${name} does not say how to install: ${pattern}`)
    return found
  }
  const code = blocks.filter(({ kind }) => kind === 'ts').map(({ text }) => text)
  return {
    code,
    inProject: commands.filter((text) => text.startsWith('npx ')),
    inClone: commands.filter((text) => text.startsWith('npm ')),
    install: [inline(/`(npm ci && npm pack)`/), inline(/`(npm install \.\.\/aioflux\/\S+\.tgz)`/)],
    claims: [...code.join('\n').matchAll(/\/\/ => (.*)$/gm)].map(([, text]) => text as string),
  }
}

/**
 * One program of all blocks in order. Each block stands inside the one before, so that it sees the names made there and may use them
 * for things of its own.
 */
export function program({ code }: Readme, redis: string, kind: 'esm' | 'cjs'): string {
  const names = new Map<string, Set<string>>()
  const bodies = [READER, ...code].map((block) =>
    block
      .replace(/^import \{ (.*) \} from '(.*)'$/gm, (_, list: string, from: string) => {
        const known = names.get(from) ?? new Set()
        for (const name of list.split(', ')) known.add(name)
        names.set(from, known)
        return ''
      })
      .replace("import express from 'express'", '')
      .replace(COMMENTED, '$1')
      // What belongs to the machine: the address of its Redis, how busy it is, and a port that another program may have.
      .replaceAll("url: 'redis://localhost:6379'", `url: '${redis}', timeout: '30s'`)
      .replace('new PrometheusExporter()', 'new PrometheusExporter({ port: 0 })'),
  )
  const imports = [...names].map(
    ([from, list]) => `import { ${[...list].join(', ')} } from '${from}'`,
  )
  const nested = `${bodies.map((body) => `{\n${body}`).join('\n')}\n`
  // The program ends here: servers, queues and schedules of the blocks would go on.
  const end = `console.log('read to the end')\nprocess.exit(0)\n${'}'.repeat(bodies.length)}`
  const main = `${nested}${end}`
  return [
    "import express from 'express'",
    ...imports,
    kind === 'esm' ? main : `void (async () => ${main})()`,
  ].join('\n')
}
