// npm run bench [part ...]: every part, or those named.
const parts = {
  limiters: async () => (await import('./limiters.mjs')).limiters(),
  memory: async () => (await import('./memory.mjs')).memory(),
  redis: async () => (await import('./redis.mjs')).redis(),
  hybrid: async () => (await import('./hybrid.mjs')).hybrid(),
}

const wanted = process.argv.slice(2)
for (const name of wanted) {
  if (!(name in parts)) {
    console.error(`no part called '${name}'; there are: ${Object.keys(parts).join(', ')}`)
    process.exit(2)
  }
}
console.log(`node ${process.version}, ${process.arch}`)
for (const [name, run] of Object.entries(parts)) {
  if (wanted.length === 0 || wanted.includes(name)) await run()
}
