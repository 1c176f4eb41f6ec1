import fc from 'fast-check'

/**
 * What a handler does with one attempt. `gated` ends when it is told to or its signal aborts; `deaf` only when it is told to; `puts`
 * when its own queue has accepted another item.
 */
export type Deed = 'sync' | 'throws' | 'async' | 'rejects' | 'gated' | 'deaf' | 'puts'

/** An item: what the handler does with it, and what the options read from it. */
export interface Item {
  n: number
  deeds: readonly Deed[]
  key: string
  cost: number
  /** Its group; the option `group` reads another one where the put says which. */
  group: string
  said: string
  /** What makes it the same as another. */
  same: number
  /** Over a storage: its own id or, in a dedupe queue, its key. No two items of one name run at once. */
  name?: string
  /** The own id of its put. */
  own?: string
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
  /** Which ended jobs are kept: none, all, or the last ones. */
  keep: 'none' | 'all' | 'few'
  /** How long own ids are remembered, in milliseconds. */
  idTtl: number | undefined
  /** A priority queue reads priorities from items, and those grow with time. */
  priorityFn: boolean
  aging: number | undefined
  /** What a dedupe queue reads of an item, where its put names no key; how long it remembers one, and how long it holds one back. */
  keyFn: boolean
  ttl: number
  quiet: number
  maxDelay: number | undefined
  deadLetter: boolean
  metered: boolean
  /** False where `start` is called later, or never. */
  started: boolean
  /** How far the clock moves each time it is read, in milliseconds. */
  creep: number
  /** No workers: jobs are only taken by hand. */
  byHand: boolean
  /** What handlers and listeners do to the queue themselves, one at each so many of their calls. */
  inside: readonly Step[]
  seldom: number
}

export type Step =
  | {
      do: 'put'
      how: 'put' | 'submit' | 'offer' | 'putMany'
      item: Pick<Item, 'deeds' | 'key' | 'cost' | 'group'>
      /** The group that the put names. */
      group: string | undefined
      priority: number
      delay: number | undefined
      /** Its delay is told as a date. */
      dated: boolean
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
  | { do: 'pause' | 'resume' | 'clear' | 'get' | 'tryGet' | 'redrive' | 'start' }

export interface Ending {
  mode: 'drain' | 'drop'
  deadline: number | undefined
  grace: number
  /** How many workers there are then; `undefined` for at least one. */
  workers: number | undefined
  /** The deadline of a second call. */
  again: number | undefined
  /** What is done while it stops. */
  meanwhile: readonly Step[]
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
  'puts',
)

/** What a handler puts: something that needs nothing. */
export const CHILD: Step & { do: 'put' } = {
  do: 'put',
  how: 'put',
  item: { deeds: ['sync'], key: 'a', cost: 1, group: 'x' },
  priority: 0,
  group: undefined,
  delay: undefined,
  dated: false,
  id: undefined,
  same: 4,
  signal: false,
  timeout: undefined,
  retry: undefined,
}

const which = fc.nat(1000)
/** One time of four. `fc.option` with a `freq` of 1 draws nothing, ever. */
const rarely = <T>(value: fc.Arbitrary<T>) =>
  fc.oneof({ weight: 3, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: value })

const put: fc.Arbitrary<Step> = fc.record({
  do: fc.constant('put' as const),
  how: fc.constantFrom('put', 'put', 'submit', 'submit', 'offer', 'putMany'),
  item: fc.record({
    deeds: fc.array(deed, { minLength: 1, maxLength: 3 }),
    key: fc.constantFrom('a', 'b', 'c'),
    cost: fc.constantFrom(1, 1, 2),
    group: fc.constantFrom('x', 'y', 'z'),
  }),
  priority: fc.integer({ min: -1, max: 2 }),
  group: rarely(fc.constantFrom('x', 'y')),
  delay: rarely(fc.constantFrom(10, 150, 2000)),
  dated: fc.boolean(),
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
      'start' as const,
    ),
  }),
)

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
  keep: fc.constantFrom('none', 'all', 'few'),
  idTtl: fc.constantFrom(undefined, 0, 100),
  priorityFn: fc.boolean(),
  aging: fc.constantFrom(undefined, 20, 1000),
  keyFn: fc.boolean(),
  ttl: fc.constantFrom(50, 300_000),
  quiet: fc.constantFrom(0, 100),
  maxDelay: fc.constantFrom(undefined, 100, 250),
  deadLetter: fc.boolean(),
  metered: fc.boolean(),
  started: fc.constantFrom(true, true, true, true, false),
  creep: fc.constantFrom(0, 0, 0.001, 0.5),
  byHand: fc.constantFrom(false, false, false, false, true),
  inside: fc.oneof(
    fc.constant([]),
    fc.array(
      // Time does not pass while a listener is called.
      step.filter((each) => each.do !== 'advance'),
      { maxLength: 8 },
    ),
  ),
  seldom: fc.integer({ min: 1, max: 4 }),
})

export const steps: fc.Arbitrary<Step[]> = fc.array(step, { maxLength: 40, size: 'max' })

export const ending: fc.Arbitrary<Ending> = fc.record({
  mode: fc.constantFrom('drain', 'drain', 'drop'),
  deadline: fc.constantFrom(undefined, undefined, 0, 200),
  grace: fc.constantFrom(0, 50),
  workers: fc.constantFrom(undefined, undefined, undefined, 0),
  again: fc.constantFrom(undefined, undefined, undefined, 0, 100),
  meanwhile: fc.array(step, { maxLength: 4 }),
})
