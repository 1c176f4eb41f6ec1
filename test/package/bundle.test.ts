import { describe, expect, inject, it } from 'vitest'
import { bundle } from './bundle.ts'
import { entriesOf } from './entries.ts'

const { consumer } = inject('packed')

/**
 * What may go over the wire, in bytes gzipped: of what some programs take, and of every entry as a whole. To raise a figure is a
 * decision, made in plain sight; when much is gained, lower it.
 */
const BUDGETS: Readonly<Record<string, number>> = {
  'aioflux: createLimiter, tokenBucket': 10_700,
  'aioflux: LimiterFactory': 14_900,
  'aioflux: CircuitBreaker': 4_800,
  'aioflux: QueueFactory': 16_700,
  'aioflux: Scheduler': 16_200,
  aioflux: 48_500,
  'aioflux/redis': 12_000,
  'aioflux/testing': 15_700,
}
/** An entry may be as large as this before it needs a line. */
const SMALL = 10_000

const entries = entriesOf(consumer).map(({ name }) => name)

describe('bundle', () => {
  it.each([...new Set([...entries, ...Object.keys(BUDGETS)])])(
    '%s keeps to its budget',
    async (part) => {
      const { gzipped } = await bundle(consumer, sourceOf(part))
      const budget = BUDGETS[part] ?? SMALL
      expect(gzipped).toBeLessThanOrEqual(budget)
      // What is gained stays gained.
      if (part in BUDGETS) expect(gzipped).toBeGreaterThan(budget * 0.9)
    },
  )

  it('a token bucket over memory carries nothing of Redis and nothing of queues', async () => {
    const { text } = await bundle(consumer, sourceOf('aioflux: createLimiter, tokenBucket'))
    expect(text).toContain('token-bucket')
    expect(text).not.toMatch(/redis|queue|circuit|schedul(?!e\()/i)
  })
})

/** `aioflux: a, b` takes two names of an entry, `aioflux` all of it. */
function sourceOf(part: string): string {
  const [entry, names] = part.split(': ')
  return `export ${names === undefined ? '*' : `{ ${names} }`} from '${entry}'`
}
