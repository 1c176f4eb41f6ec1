import { getEventListeners } from 'node:events'
import { RedisStorage } from 'aioflux/redis'
import { afterAll, beforeAll, expect, inject, it } from 'vitest'
import { socketEnd } from '../../src/redis/client/socket-end.ts'
import { proxy, type TcpProxy } from '../support/tcp-proxy.ts'
import { until } from '../support/until.ts'

let between: TcpProxy
beforeAll(async () => {
  between = await proxy(Number(new URL(inject('redisUrl')).port))
})
afterAll(() => between.close())

it('a client that connects again and again leaves no listeners behind', async () => {
  const warnings: string[] = []
  const warned = (warning: Error) => warnings.push(warning.name)
  process.on('warning', warned)
  const storage = new RedisStorage({ url: between.url, timeout: '5s' })
  const watch = storage.listen('news', () => {})
  for (let i = 0; i < 25; i++) {
    await until('connected', async () => {
      await storage.set('k', i)
      return watch.live
    })
    between.cut()
  }
  watch.end()
  await storage.close()
  await until('no connection is left', () => between.connections === 0)
  process.off('warning', warned)
  expect(warnings).toEqual([])
})

it('the listeners of the last sockets stay', () => {
  const { signal, end } = socketEnd()
  const heard: number[] = []
  for (let i = 0; i < 100; i++) {
    signal.addEventListener('abort', () => heard.push(i), { once: true })
  }
  expect(getEventListeners(signal, 'abort').length).toBeLessThanOrEqual(4)
  end({ isOpen: false, destroy: () => {} })
  expect(heard.slice(-2)).toEqual([98, 99])
})
