import type { TestProject } from 'vitest/node'
import { sharedRedis } from './redis-server.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** The Redis that all test files share: `inject('redisUrl')`. Each file keeps to its own key prefix. */
    redisUrl: string
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const redis = await sharedRedis()
  project.provide('redisUrl', redis.url)
  return () => redis.stop()
}
