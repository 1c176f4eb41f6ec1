// The same queue with fastq and with aioflux.
// biome-ignore-all assist/source/organizeImports: each part has its own.
// #region before
import fastq from 'fastq'
// #endregion
// #region after
import { QueueFactory } from 'aioflux'
// #endregion

const load = async (id: number) => `user ${id}`

{
  // #region before
  const queue = fastq.promise(load, 2)
  queue.error((error) => {
    if (error) console.error(error)
  })

  const user = await queue.push(1)
  const users = await Promise.all([2, 3].map((id) => queue.push(id)))
  await queue.drained()
  // #endregion
  console.log(user, users) // => user 1 [ 'user 2', 'user 3' ]
}

{
  // #region after
  const queue = QueueFactory.fifo<number, string>({ handler: load, workers: 2, maxSize: Infinity })
  queue.on('failed', ({ error }) => console.error(error))
  queue.start()

  const user = await queue.submit(1)
  const users = await Promise.all([2, 3].map((id) => queue.submit(id)))
  await queue.onIdle()
  // #endregion
  console.log(user, users) // => user 1 [ 'user 2', 'user 3' ]
  await queue.stop()
}

{
  // #region callbacks-before
  const queue = fastq((id: number, done) => void load(id).then((user) => done(null, user)), 1)
  queue.push(4, (_error, user) => console.log(user)) // => user 4
  // #endregion
  await new Promise<void>((resolve) => {
    queue.drain = resolve
  })
}

{
  // #region callbacks-after
  const queue = QueueFactory.fifo<number, string>({ handler: load }).start()
  queue.on('completed', ({ value }) => console.log(value)) // => user 4
  queue.offer(4) // at once: no promise, no wait; false when the queue is full
  // #endregion
  await queue.onIdle()
  await queue.stop()
}

{
  // #region first-before
  const queue = fastq.promise(load, 1)
  queue.pause()
  void queue.push(5)
  void queue.unshift(6) // goes first
  console.log(queue.length(), queue.getQueue()) // => 2 [ 6, 5 ]
  queue.kill()
  // #endregion
}

{
  // #region first-after
  const queue = QueueFactory.priority<number, string>({ handler: load })
  await queue.put(5)
  await queue.put(6, { priority: 1 }) // goes first
  console.log(queue.size(), queue.clear()) // => 2 [ 6, 5 ]
  // #endregion
}
