/** What peers call an option, and the names that have the same meaning here. */
const SAME_MEANING: Readonly<Record<string, readonly string[]>> = {
  interval: ['per'],
  duration: ['per'],
  window: ['per'],
  windowMs: ['per'],
  period: ['per'],
  points: ['rate'],
  rate: ['limit'],
  limit: ['rate', 'maxSize'],
  max: ['rate', 'limit', 'maxSize'],
  capacity: ['burst'],
  concurrency: ['workers', 'limit'],
  attempts: ['retry'],
  retries: ['retry'],
  maxRetries: ['retry'],
  backoff: ['retry'],
  removeOnComplete: ['keep'],
  removeOnFail: ['keep'],
  handler: ['onLimited', 'callback'],
  keyGenerator: ['key', 'keyFn'],
  lease: ['ttl'],
  tz: ['timezone'],
}

/**
 * The one of `names` that `name` was most likely meant for: the same meaning first, then a name that contains it or is contained
 * in it, then the fewest letters to change. `undefined` only where there are no names.
 */
export function nearest(name: string, names: readonly string[]): string | undefined {
  const same = Object.hasOwn(SAME_MEANING, name) ? SAME_MEANING[name] : undefined
  const known = same?.find((each) => names.includes(each))
  if (known !== undefined) return known
  const wanted = name.toLowerCase()
  let best: string | undefined
  let least = Infinity
  for (const each of names) {
    const cost = distance(wanted, each.toLowerCase())
    if (cost < least) {
      best = each
      least = cost
    }
  }
  return best
}

/** From 0 for equal to 1 for nothing in common. */
function distance(a: string, b: string): number {
  const longest = Math.max(a.length, b.length)
  const changes = edits(a, b)
  // `max` for `maxKeys`: half as far as the letters say.
  const part = Math.min(a.length, b.length) > 2 && (a.includes(b) || b.includes(a))
  return (part ? changes / 2 : changes) / longest
}

/** How many letters must be added, removed or replaced to make `b` of `a` (V. Levenshtein, 1966). */
function edits(a: string, b: string): number {
  // One row of the table of all beginnings: row[j] is for the beginning of `a` so far and the first j letters of `b`.
  const row = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (const letter of a) {
    let before = row[0] as number
    row[0] = before + 1
    for (let j = 1; j < row.length; j++) {
      const above = row[j] as number
      const replaced = before + (letter === b[j - 1] ? 0 : 1)
      row[j] = Math.min(replaced, above + 1, (row[j - 1] as number) + 1)
      before = above
    }
  }
  return row[b.length] as number
}
