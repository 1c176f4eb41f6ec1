// Adds to package-lock.json the optional packages for other platforms that a registry mirror may not serve.
// Without them `npm ci` refuses the lock file, and would install no binary on another kind of machine.
// Run after every change of dependencies: npm i && node scripts/complete-lockfile.mjs
import { readFileSync, writeFileSync } from 'node:fs'

const path = new URL('../package-lock.json', import.meta.url)
const lock = JSON.parse(readFileSync(path, 'utf8'))
const packages = lock.packages
const CPUS = [
  'x64',
  'arm64',
  'arm',
  'ia32',
  'ppc64',
  's390x',
  'riscv64',
  'loong64',
  'mips64el',
  'wasm32',
]
const SYSTEMS = [
  'linux',
  'darwin',
  'win32',
  'freebsd',
  'openbsd',
  'netbsd',
  'sunos',
  'aix',
  'android',
  'openharmony',
]

let added = 0
for (const { optionalDependencies = {}, dev, devOptional } of Object.values({ ...packages })) {
  for (const [name, range] of Object.entries(optionalDependencies)) {
    const key = `node_modules/${name}`
    if (packages[key] !== undefined || !/^\d/.test(range)) continue
    const words = name.split(/[/-]/)
    const system = SYSTEMS.find((word) => words.includes(word))
    const cpu = CPUS.find((word) => words.includes(word))
    const libc = words.includes('musl')
      ? 'musl'
      : words.some((word) => word.startsWith('gnu'))
        ? 'glibc'
        : undefined
    packages[key] = {
      version: range,
      ...(cpu && { cpu: [cpu] }),
      ...(dev || devOptional ? { dev: true } : {}),
      ...(libc && system === 'linux' && { libc: [libc] }),
      optional: true,
      ...(system && { os: [system] }),
    }
    added += 1
  }
}
lock.packages = Object.fromEntries(
  Object.entries(packages).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)),
)
writeFileSync(path, `${JSON.stringify(lock, null, 2)}\n`)
console.log(`package-lock.json: ${added} entries added`)
