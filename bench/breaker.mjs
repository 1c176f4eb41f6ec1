// What a circuit breaker costs a call: bare, aioflux, cockatiel, opossum, in turns within one process.
// Run: npm run build && node bench/breaker.mjs
import { performance } from 'node:perf_hooks'
import {
  ConsecutiveBreaker,
  CountBreaker,
  circuitBreaker as cockatielBreaker,
  handleAll,
  SamplingBreaker,
} from 'cockatiel'
import Opossum from 'opossum'
import { CircuitBreaker } from '../dist/index.js'

const CALLS = 300_000
const ROUNDS = 9

const work = async () => 1
const fail = async () => {
  throw FAILURE
}
const FAILURE = new Error('down')

const consecutive = new CircuitBreaker()
const counting = new CircuitBreaker({ failureRate: 0.5, window: { calls: 100 } })
const sliding = new CircuitBreaker({ failureRate: 0.5, window: '10s' })
const slow = new CircuitBreaker({
  failureRate: 0.5,
  slowCall: '1s',
  slowCallRate: 0.5,
  window: '10s',
})
const listened = new CircuitBreaker()
listened.on('success', () => {})
const cockatiel = (breaker) => cockatielBreaker(handleAll, { halfOpenAfter: 60_000, breaker })
const cockatielConsecutive = cockatiel(new ConsecutiveBreaker(5))
const cockatielCount = cockatiel(new CountBreaker({ threshold: 0.5, size: 100 }))
const cockatielSampling = cockatiel(new SamplingBreaker({ threshold: 0.5, duration: 10_000 }))
const opossum = new Opossum(work, { timeout: false })

const open = new CircuitBreaker({ failureThreshold: 1 })
await open.call(fail).catch(() => {})
const cockatielOpen = cockatiel(new ConsecutiveBreaker(1))
await cockatielOpen.execute(fail).catch(() => {})
const opossumOpen = new Opossum(fail, {
  timeout: false,
  volumeThreshold: 0,
  errorThresholdPercentage: 1,
})
await opossumOpen.fire().catch(() => {})

const refused = (error) => error
const groups = {
  'a call that succeeds': {
    'bare async call': () => work(),
    'aioflux, failures in a row': () => consecutive.call(work),
    'aioflux, rate of 100 calls': () => counting.call(work),
    'aioflux, rate of 10 s': () => sliding.call(work),
    'aioflux, rate of 10 s and slow calls': () => slow.call(work),
    'aioflux, in a row, with a listener': () => listened.call(work),
    'cockatiel, failures in a row': () => cockatielConsecutive.execute(work),
    'cockatiel, rate of 100 calls': () => cockatielCount.execute(work),
    'cockatiel, rate of 10 s': () => cockatielSampling.execute(work),
    'opossum, rate of 10 s': () => opossum.fire(),
  },
  'a call that is refused': {
    'aioflux, refused': () => open.call(work).catch(refused),
    'cockatiel, refused': () => cockatielOpen.execute(work).catch(refused),
    'opossum, refused': () => opossumOpen.fire().catch(refused),
  },
}

async function time(run, calls) {
  const began = performance.now()
  for (let i = 0; i < calls; i++) await run()
  return ((performance.now() - began) * 1e6) / calls
}

const median = (numbers) => [...numbers].sort((a, b) => a - b)[numbers.length >> 1]

for (const [title, cases] of Object.entries(groups)) {
  const nanos = Object.fromEntries(Object.keys(cases).map((name) => [name, []]))
  const calls = title.includes('refused') ? CALLS / 10 : CALLS
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [name, run] of Object.entries(cases)) {
      const took = await time(run, calls)
      if (round > 0) nanos[name].push(took) // the first round warms up
    }
  }
  console.log(`\n${title}`)
  for (const [name, took] of Object.entries(nanos)) {
    const ns = median(took)
    console.log(
      `  ${name.padEnd(40)} ${ns.toFixed(0).padStart(6)} ns ${(1e3 / ns).toFixed(2).padStart(7)} M/s`,
    )
  }
  const ratio = (ours, theirs) => (median(nanos[theirs]) / median(nanos[ours])).toFixed(2)
  if (title.includes('refused')) {
    console.log(
      `  times faster than cockatiel ${ratio('aioflux, refused', 'cockatiel, refused')}, opossum ${ratio('aioflux, refused', 'opossum, refused')}`,
    )
  } else {
    console.log(
      `  times faster than cockatiel, in a row ${ratio('aioflux, failures in a row', 'cockatiel, failures in a row')}`,
    )
    console.log(
      `  times faster than cockatiel, rate of 100 calls ${ratio('aioflux, rate of 100 calls', 'cockatiel, rate of 100 calls')}`,
    )
    console.log(
      `  times faster than cockatiel, rate of 10 s ${ratio('aioflux, rate of 10 s', 'cockatiel, rate of 10 s')}`,
    )
    console.log(
      `  times faster than opossum, rate of 10 s ${ratio('aioflux, rate of 10 s', 'opossum, rate of 10 s')}`,
    )
  }
}
opossum.shutdown()
opossumOpen.shutdown()
