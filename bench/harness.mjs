// Measures contenders side by side in the same run and prints each against the first. No pass or fail: a machine is
// noisy, and only ratios taken together mean anything.

/**
 * Runs each contender `rounds` times in turn (A B C C B A ...), so that a drift of the machine, and what a contender leaves to the next
 * one, hits all alike.
 *
 * @param collects false for a load that keeps no object from one call to the next: a full collection before each round takes the
 *   last object of a kind away, and with it the code that the engine had made for it. In a process that runs for long that
 *   comes once in many thousand calls.
 */
export async function compare(
  title,
  contenders,
  { n, rounds = 7, warmup = 2, unit = 'call', collects = true } = {},
) {
  const times = contenders.map(() => [])
  // Kept alive: once the last object of its kind is collected, the engine throws away the code it had made for it.
  const alive = []
  for (let round = -warmup; round < rounds; round++) {
    const turns = [...contenders.entries()]
    for (const [i, { run, setup }] of round % 2 === 0 ? turns : turns.reverse()) {
      const context = setup === undefined ? undefined : await setup()
      alive.push(context)
      if (collects) globalThis.gc?.()
      const calls = contenders[i].n ?? n
      const started = process.hrtime.bigint()
      await run(calls, context)
      const nanos = Number(process.hrtime.bigint() - started) / calls
      if (round >= 0) times[i].push(nanos)
    }
  }
  const medians = times.map(median)
  const rows = contenders.map(({ name }, i) => ({
    name,
    nanos: medians[i],
    // The ratio of each pair of neighbours, then their median: what happened to one happened to the other.
    ratio: median(times[0].map((_, round) => times[i][round] / times[0][round])),
  }))
  print(title, rows, unit)
  return { title, rows }
}

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[sorted.length >> 1]
}

export function print(title, rows, unit) {
  console.log(`\n${title}`)
  const width = Math.max(...rows.map(({ name }) => name.length))
  for (const [i, { name, nanos, ratio }] of rows.entries()) {
    const rate =
      nanos >= 1e6
        ? `${(1e9 / nanos).toFixed(0)}/s`
        : nanos >= 1e3
          ? `${(1e6 / nanos).toFixed(0)} k/s`
          : `${(1e3 / nanos).toFixed(1)} M/s`
    const against = i === 0 ? '' : `aioflux is ${ratio.toFixed(2)} x as fast`
    console.log(
      `  ${name.padEnd(width)}  ${nanos.toFixed(0).padStart(7)} ns a ${unit}  ${rate.padStart(10)}   ${against}`,
    )
  }
}

export function megabytes(bytes) {
  return `${(bytes / 1e6).toFixed(1)} MB`
}
