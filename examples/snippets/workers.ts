// What docs/workers.md shows.
// #region pool
import { WorkerPool } from 'aioflux'

// #endregion

const load = async (url: string) => `page of ${url}`
const measure = async (url: string) => url.length
const urls = ['https://a.example', 'https://bb.example']

{
  // #region pool
  const pool = new WorkerPool({ minWorkers: 2, maxWorkers: 20 }).start()

  console.log(await pool.submit(load, 'https://a.example')) // => page of https://a.example

  for await (const size of pool.map(urls, measure)) console.log(size)
  // => 17
  // => 18
  await pool.stop()
  // #endregion
}
