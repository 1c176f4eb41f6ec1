import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { freePort } from '../../test/support/free-port.ts'
import { node, run } from './build.ts'

/** A release of Nitro, and where its handlers get `defineEventHandler` from. */
interface Nitro {
  readonly name: string
  readonly release: string
  readonly h3: string
}

/** Nitro 2 is also what Nuxt builds with. The two stand on different versions of h3. */
const RELEASES: readonly Nitro[] = [
  { name: 'nitropack', release: '2', h3: 'h3' },
  { name: 'nitro', release: '3', h3: 'nitro/h3' },
]

/** What the handlers of the app answer, in order: two requests pass, and the third one is denied. */
const WANTED = '200 "1 left" r=1, 200 "0 left" r=0, 429 quota-exceeded r=0'

/** How long a built app may take to listen. */
const PATIENCE = 30_000

/** Builds an app behind `rateLimitH3` with each release of Nitro, starts it, and asks it over HTTP. */
export async function underNitro(home: string, tarball: string): Promise<void> {
  for (const nitro of RELEASES) {
    const app = join(home, nitro.name)
    writeApp(app, nitro)
    run(
      'npm',
      ['install', '--no-audit', '--no-fund', `${nitro.name}@${nitro.release}`, tarball],
      app,
    )
    run('npx', [nitro.name, 'build'], app)
    const said = await answersOf(app)
    if (said !== WANTED) throw new Error(`${nitro.name} answered ${said}, not ${WANTED}`)
    console.log(`${nitro.name} ${nitro.release}: ${said}`)
  }
}

function writeApp(app: string, { h3 }: Nitro): void {
  const files = {
    'package.json': '{ "private": true, "type": "module" }',
    // Version 2 reads srcDir, version 3 serverDir.
    'nitro.config.ts':
      "export default { srcDir: 'server', serverDir: 'server', compatibilityDate: '2026-01-01' }",
    'server/middleware/limit.ts': `
      import { LimiterFactory } from 'aioflux'
      import { rateLimitH3 } from 'aioflux/http'
      import { defineEventHandler } from '${h3}'
      const limiter = LimiterFactory.tokenBucket({ rate: 2, per: '1h', name: 'api' })
      export default defineEventHandler(rateLimitH3(limiter))`,
    'server/routes/index.ts': `
      import { defineEventHandler } from '${h3}'
      export default defineEventHandler((event) => \`\${event.context.rateLimit?.remaining} left\`)`,
  }
  mkdirSync(join(app, 'server/middleware'), { recursive: true })
  mkdirSync(join(app, 'server/routes'))
  for (const [name, text] of Object.entries(files)) writeFileSync(join(app, name), text)
}

/** Starts the built app, sends three requests, and ends the app. */
async function answersOf(app: string): Promise<string> {
  const port = await freePort()
  const server = spawn(node, ['.output/server/index.mjs'], {
    cwd: app,
    env: { ...process.env, HOST: '127.0.0.1', PORT: String(port) },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = once(server, 'exit')
  try {
    await listening(server)
    const answers: string[] = []
    for (let i = 0; i < 3; i++) answers.push(await answerOf(`http://127.0.0.1:${port}/`))
    return answers.join(', ')
  } finally {
    server.kill()
    await ended
  }
}

/** @throws Error when the app ends before it listens, or is ended because it does not listen in time */
async function listening(server: ChildProcessByStdio<null, Readable, null>): Promise<void> {
  const timer = setTimeout(() => server.kill(), PATIENCE)
  try {
    for await (const line of createInterface(server.stdout)) if (line.includes('Listening')) return
  } finally {
    clearTimeout(timer)
  }
  throw new Error('the app ended before it listened')
}

/** Status, body and what is left of the limit, as the header field tells. */
async function answerOf(url: string): Promise<string> {
  const response = await fetch(url)
  const left = response.headers.get('ratelimit')?.match(/r=\d+/)?.[0]
  const body = await response.text()
  if (response.ok) return `${response.status} "${body}" ${left}`
  const { type } = JSON.parse(body) as { type: string }
  if (!response.headers.has('retry-after')) throw new Error('a denial without Retry-After')
  return `${response.status} ${type.split('#')[1]} ${left}`
}
