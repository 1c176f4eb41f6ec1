// Measures contenders that allocate much: each in a process of its own, as in a program that uses only that one. In one process
// they would pay for each other's garbage; collecting it between rounds would hide what their own costs, and makes engines
// throw away code they have to make again.
import { spawnSync } from 'node:child_process'
import { median, print } from './harness.mjs'

const PROCESSES = 3
/** How long each warms up, and the least time it is measured, in milliseconds. */
const WARM = 300
const MEASURED = 500

/**
 * A comparison: `contenders` of one title, told apart by their place. Called without `place`, it runs them in turn (A B C A B
 * C ...), each by calling this program with `[...args, place]`; called with one, it runs that and prints what it took.
 */
export async function apart(title, contenders, { n, unit = 'call', args, place }) {
  if (place !== undefined) {
    process.stdout.write(JSON.stringify(await measure(contenders[place], n)))
    return
  }
  const times = contenders.map(() => [])
  for (let round = 0; round < PROCESSES; round++) {
    for (const i of contenders.keys()) {
      const { stdout, stderr } = spawnSync(process.execPath, [...args, String(i)], {
        encoding: 'utf8',
      })
      if (stdout === '') throw new Error(`${contenders[i].name}: ${stderr}`)
      times[i].push(JSON.parse(stdout))
    }
  }
  const medians = times.map((runs) => median(runs))
  print(
    title,
    contenders.map(({ name }, i) => ({ name, nanos: medians[i], ratio: medians[i] / medians[0] })),
    unit,
  )
}

/** The median over rounds of `n` calls, in nanoseconds a call. */
async function measure({ run, setup }, n) {
  // Kept alive: once the last object of its kind is collected, the engine throws away the code it had made for it.
  const alive = []
  const round = async () => {
    const context = setup()
    if (alive.length < 10) alive.push(context)
    const began = performance.now()
    await run(n, context)
    return ((performance.now() - began) * 1e6) / n
  }
  const warm = performance.now() + WARM
  do await round()
  while (performance.now() < warm)
  const times = []
  const end = performance.now() + MEASURED
  do times.push(await round())
  while (performance.now() < end || times.length < 9)
  return median(times)
}
