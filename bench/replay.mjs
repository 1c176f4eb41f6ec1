// Lines a second of `aioflux replay` and `advise`, beside goaccess (Debian's package) that parses the same file to JSON, and
// the peak memory for 1 and 10 million lines. Logs are made in a temporary folder, or in a pipe.
// Run: npm run build && node bench/replay.mjs [clf | combined | json | memory ...]
import { spawn, spawnSync } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { median } from './harness.mjs'

const self = fileURLToPath(import.meta.url)
const cli = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url))

const LINES = 500_000
const ROUNDS = 3
const KEYS = 50_000
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/** Few clients ask often and many seldom; 50 lines a second of the log. */
function* lines(format, count) {
  let seed = 12345
  const random = () => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0
    return seed / 2 ** 32
  }
  const start = Date.UTC(2015, 4, 17, 10)
  for (let i = 0; i < count; i++) {
    const client = Math.floor(KEYS * random() ** 3)
    const ip = `10.${client >> 16}.${(client >> 8) & 255}.${client & 255}`
    const text = new Date(start + i * 20).toISOString()
    const month = MONTHS[Number(text.slice(5, 7)) - 1]
    const time = `${text.slice(8, 10)}/${month}/${text.slice(0, 4)}:${text.slice(11, 19)} +0000`
    const request = `GET /presentations/logstash/images/file-${Math.floor(random() * 2000)}.png HTTP/1.1`
    yield LINE[format](ip, time, request, Math.floor(random() * 100_000))
  }
}

const REFERER = 'http://semicomplete.com/presentations/logstash-monitorama-2013/'
const AGENT =
  'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_9_1) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/32.0.1700.77 Safari/537.36'

const LINE = {
  clf: (ip, time, request, bytes) => `${ip} - - [${time}] "${request}" 200 ${bytes}`,
  combined: (ip, time, request, bytes) =>
    `${LINE.clf(ip, time, request, bytes)} "${REFERER}" "${AGENT}"`,
  json: (ip, time, request, bytes) =>
    JSON.stringify({
      time_local: time,
      remote_addr: ip,
      request,
      status: '200',
      body_bytes_sent: String(bytes),
      http_referrer: REFERER,
      http_user_agent: AGENT,
    }),
}

const GOACCESS = {
  clf: ['--log-format=COMMON'],
  combined: ['--log-format=COMBINED'],
  json: [
    '--log-format={"time_local":"%d:%t %^","remote_addr":"%h","request":"%r","status":"%s","body_bytes_sent":"%b","http_referrer":"%R","http_user_agent":"%u"}',
    '--date-format=%d/%b/%Y',
    '--time-format=%T',
  ],
}

function* pieces(format, count) {
  let piece = []
  for (const line of lines(format, count)) {
    piece.push(line)
    if (piece.length === 5000) {
      yield `${piece.join('\n')}\n`
      piece = []
    }
  }
  if (piece.length > 0) yield `${piece.join('\n')}\n`
}

/** Wall and CPU seconds of a command; `undefined` when there is no such command. */
function timed(command, args, folder) {
  const script = `TIMEFORMAT='%R %U %S'; time "$@" > ${folder}/out 2> ${folder}/err`
  const { stderr } = spawnSync('bash', ['-c', script, 'bash', command, ...args], {
    encoding: 'utf8',
  })
  const found = /^([\d.]+) ([\d.]+) ([\d.]+)$/m.exec(stderr)
  if (found === null) throw new Error(stderr)
  const [wall, user, system] = found.slice(1).map(Number)
  return { wall, cpu: user + system }
}

function speed(format, folder) {
  const path = join(folder, `${format}.log`)
  const file = openSync(path, 'w')
  for (const piece of pieces(format, LINES)) writeSync(file, piece)
  closeSync(file)
  const contenders = {
    'aioflux replay': [process.execPath, [cli, 'replay', path, '--limit', '100/1m', '--json']],
    'aioflux advise': [process.execPath, [cli, 'advise', path, '--json']],
  }
  const there = spawnSync('goaccess', ['--version']).error === undefined
  if (there) {
    const args = [path, ...GOACCESS[format], '--no-progress', '-o', join(folder, 'goaccess.json')]
    contenders.goaccess = ['goaccess', args]
  }
  const names = Object.keys(contenders)
  const times = names.map(() => [])
  for (let round = 0; round < ROUNDS; round++) {
    for (const [i, name] of names.entries()) times[i].push(timed(...contenders[name], folder))
  }
  rmSync(path)
  console.log(`\nreplay: ${format}, ${LINES.toLocaleString('en-US')} lines`)
  const last = times.at(-1)
  for (const [i, name] of names.entries()) {
    const wall = median(times[i].map((time) => time.wall))
    const cpu = median(times[i].map((time) => time.cpu))
    const ratio = median(times[i].map((time, round) => last[round].cpu / time.cpu))
    const against = !there || i === names.length - 1 ? '' : `${ratio.toFixed(1)} x goaccess by CPU`
    const rate = Math.round(LINES / wall / 1000)
    console.log(
      `  ${name.padEnd(15)} ${String(rate).padStart(5)} k lines/s  ${((cpu / LINES) * 1e6).toFixed(2).padStart(6)} us of CPU a line   ${against}`,
    )
  }
  if (!there) console.log('  goaccess is not there: apt-get install goaccess')
}

/** Peak memory of a command over a log from a pipe, in bytes. */
function peak(command, count) {
  const child = spawn(process.execPath, [self, 'child', ...command], {
    stdio: ['pipe', 'ignore', 'pipe'],
  })
  const feeder = spawn(process.execPath, [self, 'feed', String(count)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  feeder.stdout.pipe(child.stdin)
  let said = ''
  child.stderr.on('data', (chunk) => {
    said += chunk
  })
  return new Promise((resolve, reject) => {
    child.once('close', () => {
      const found = /peak (\d+)/.exec(said)
      if (found === null) reject(new Error(said))
      else resolve(Number(found[1]) * 1024)
    })
  })
}

async function memory() {
  console.log('\nreplay: peak memory, clf from a pipe')
  for (const command of [
    ['replay', '-', '--limit', '100/1m', '--json'],
    ['advise', '-', '--json'],
  ]) {
    const peaks = []
    for (const count of [1_000_000, 10_000_000]) peaks.push(await peak(command, count))
    const [one, ten] = peaks.map((bytes) => `${Math.round(bytes / 1e6)} MB`)
    console.log(`  ${command[0].padEnd(7)} 1 M lines ${one}, 10 M lines ${ten}`)
  }
}

const [part, ...rest] = process.argv.slice(2)
if (part === 'child') {
  const { run } = await import('../dist/cli/run.js')
  process.exitCode = await run(rest, process)
  process.stderr.write(`peak ${process.resourceUsage().maxRSS}\n`)
} else if (part === 'feed') {
  for (const piece of pieces('clf', Number(rest[0]))) {
    if (!process.stdout.write(piece))
      await new Promise((done) => process.stdout.once('drain', done))
  }
} else {
  const asked = process.argv.slice(2)
  const wanted = asked.length === 0 ? ['clf', 'combined', 'json', 'memory'] : asked
  const folder = mkdtempSync(join(tmpdir(), 'aioflux-bench-'))
  try {
    for (const name of wanted) {
      if (name === 'memory') await memory()
      else speed(name, folder)
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
}
