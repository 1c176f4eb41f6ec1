import { WorkerPool } from '../src/index.ts'
import { ManualClock } from '../src/testing/index.ts'
import { Drawing, round } from './drawing.ts'

const LAST = 60
const HIGH = 14

/** The workers of a pool and the busy ones, while a burst of tasks comes, then a few, then none. */
export async function poolPicture(): Promise<string> {
  const clock = new ManualClock()
  // The load of the event loop of this script must not change the picture.
  const options = { minWorkers: 2, maxWorkers: 8, maxLoopUtilization: 1, clock }
  const pool = new WorkerPool(options).start()
  const task = () => new Promise<void>((resolve) => clock.after(6000, resolve))
  const arrivals = [2, 2, 2, 2, 2, 2, 14, 18, 22, 26, 30]
  const drawing = new Drawing(
    'The workers of a pool from 2 to 8, while tasks of 6 s come',
    LAST,
    250,
  )
  drawing.axis(10)
  const base = 160
  const at = (second: number, count: number) => `${drawing.x(second)} ${round(base - count * HIGH)}`
  const workers: string[] = []
  const busy: string[] = []
  const results: Promise<void>[] = []
  for (let tick = 0; tick <= LAST * 10; tick++) {
    const second = tick / 10
    await clock.advanceAsync(second - clock.now() / 1000)
    while ((arrivals[results.length] ?? Infinity) <= second) results.push(pool.submit(task))
    // A task begins in a later turn of the event loop.
    await new Promise((resolve) => setImmediate(resolve))
    workers.push(at(second, pool.workers))
    busy.push(at(second, pool.running))
  }
  await Promise.all(results)
  await pool.stop()
  drawing.add(`<path d="M${at(0, 0)}L${busy.join('L')}L${at(LAST, 0)}Z" class="level"/>`)
  drawing.add(
    `<path d="M${workers.join('L')}" class="held" fill-opacity="0" stroke="#1a7f37" stroke-width="1.8"/>`,
  )
  drawing.text(16, base - 6 * HIGH + 5, 'workers')
  drawing.text(16, base - 2 * HIGH, 'busy')
  for (const second of new Set(arrivals)) drawing.dot(second, base + 16, 'yes')
  drawing.text(16, base + 21, 'tasks come')
  return drawing.svg
}
