import fc from 'fast-check'

/** What a handler does with one attempt. `gated` ends when it is told to or its signal aborts; `deaf` only when it is told to. */
export type Deed = 'sync' | 'throws' | 'async' | 'rejects' | 'gated' | 'deaf'

/** An item: what the handler does with it, and what the options read from it. */
export interface Item {
  n: number
  deeds: readonly Deed[]
  key: string
  cost: number
  group: string
}

/** The options of a queue, as data. */
export interface World {
  kind: 'fifo' | 'priority' | 'delay' | 'dedupe'
  mode: 'ttl' | 'pending' | 'coalesce' | 'latest' | 'debounce'
  workers: number
  limiter: 'none' | 'bucket' | 'concurrency' | 'composite'
  /** The limiter answers some turns of the event loop later, as one over Redis does. */
  late: boolean
  keyed: boolean
  costs: boolean
  groups: boolean
  groupConcurrency: number
  weights: boolean
  /** How many attempts, and how many milliseconds between them. */
  attempts: number
  pause: number
  timeout: number | undefined
  release: boolean
  batch: number
  bisect: boolean
  maxSize: number
  overflow: 'wait' | 'reject' | 'drop-oldest' | 'drop-newest'
  keep: boolean
  /** How far the clock moves each time it is read, in milliseconds. */
  creep: number
  /** No workers: jobs are only taken by hand. */
  byHand: boolean
}

export type Step =
  | {
      do: 'put'
      item: Omit<Item, 'n'>
      priority: number
      delay: number | undefined
      id: number | undefined
      same: number
      signal: boolean
      timeout: number | undefined
      retry: number | undefined
    }
  | { do: 'finish'; which: number; well: boolean }
  | { do: 'cancel'; which: number; how: 'job' | 'id' | 'signal' }
  | { do: 'move'; which: number; priority: number }
  | { do: 'workers'; workers: number }
  | { do: 'advance'; ms: number }
  | { do: 'claim'; max: number }
  | { do: 'settle'; which: number; how: 'complete' | 'fail' | 'release'; delay: number }
  | { do: 'remove'; which: number }
  | { do: 'pause' | 'resume' | 'clear' | 'get' | 'tryGet' | 'redrive' }

export interface Ending {
  mode: 'drain' | 'drop'
  deadline: number | undefined
  grace: number
}

const deed = fc.constantFrom<Deed>(
  'sync',
  'async',
  'gated',
  'gated',
  'throws',
  'rejects',
  'sync',
  'deaf',
)

const which = fc.nat(1000)
const rarely = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined, freq: 1 })

export const world: fc.Arbitrary<World> = fc.record({
  kind: fc.constantFrom('fifo', 'priority', 'delay', 'dedupe'),
  mode: fc.constantFrom('ttl', 'pending', 'coalesce', 'latest', 'debounce'),
  workers: fc.integer({ min: 1, max: 4 }),
  limiter: fc.constantFrom('none', 'bucket', 'concurrency', 'composite'),
  late: fc.boolean(),
  keyed: fc.boolean(),
  costs: fc.boolean(),
  groups: fc.boolean(),
  groupConcurrency: fc.constantFrom(1, 2, Infinity),
  weights: fc.boolean(),
  attempts: fc.integer({ min: 1, max: 3 }),
  pause: fc.constantFrom(0, 0, 30, 300),
  timeout: fc.constantFrom(undefined, undefined, 100),
  release: fc.boolean(),
  batch: fc.constantFrom(0, 0, 0, 2, 3),
  bisect: fc.boolean(),
  maxSize: fc.constantFrom(2, 5, 1000, 1000),
  overflow: fc.constantFrom('wait', 'reject', 'drop-oldest', 'drop-newest'),
  keep: fc.boolean(),
  creep: fc.constantFrom(0, 0, 0.001, 0.5),
  byHand: fc.constantFrom(false, false, false, false, true),
})

const put: fc.Arbitrary<Step> = fc.record({
  do: fc.constant('put' as const),
  item: fc.record({
    deeds: fc.array(deed, { minLength: 1, maxLength: 3 }),
    key: fc.constantFrom('a', 'b', 'c'),
    cost: fc.constantFrom(1, 1, 2),
    group: fc.constantFrom('x', 'y', 'z'),
  }),
  priority: fc.integer({ min: -1, max: 2 }),
  delay: rarely(fc.constantFrom(10, 150, 2000)),
  id: rarely(fc.nat(5)),
  same: fc.nat(4),
  signal: fc.boolean(),
  timeout: rarely(fc.constantFrom(50, 500)),
  retry: rarely(fc.integer({ min: 1, max: 3 })),
})

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 12, arbitrary: put },
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('finish' as const), which, well: fc.boolean() }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('advance' as const),
      ms: fc.constantFrom(1, 10, 50, 100, 333, 1000),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('cancel' as const),
      which,
      how: fc.constantFrom('job' as const, 'id' as const, 'signal' as const),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('move' as const),
      which,
      priority: fc.integer({ min: -2, max: 3 }),
    }),
  },
  fc.record({ do: fc.constant('workers' as const), workers: fc.integer({ min: 0, max: 4 }) }),
  fc.record({ do: fc.constant('claim' as const), max: fc.integer({ min: 1, max: 3 }) }),
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('settle' as const),
      which,
      how: fc.constantFrom('complete' as const, 'fail' as const, 'release' as const),
      delay: fc.constantFrom(0, 0, 70),
    }),
  },
  fc.record({ do: fc.constant('remove' as const), which }),
  fc.record({
    do: fc.constantFrom(
      'pause' as const,
      'resume' as const,
      'resume' as const,
      'clear' as const,
      'get' as const,
      'tryGet' as const,
      'redrive' as const,
    ),
  }),
)

export const steps: fc.Arbitrary<Step[]> = fc.array(step, { maxLength: 40, size: 'max' })

export const ending: fc.Arbitrary<Ending> = fc.record({
  mode: fc.constantFrom('drain', 'drain', 'drop'),
  deadline: fc.constantFrom(undefined, undefined, 0, 200),
  grace: fc.constantFrom(0, 50),
})
