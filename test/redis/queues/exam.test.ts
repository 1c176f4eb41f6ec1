import { afterAll, beforeAll, describe, inject, it } from 'vitest'
import { jobStoreExam } from '../../../src/testing/job-store/exam.ts'
import { clients, libraries, type OpenClient } from '../../support/clients.ts'
import { examinedStore } from './examined-store.ts'

describe.each(libraries)('a queue in Redis, by %s', (library) => {
  let open: OpenClient
  beforeAll(async () => {
    open = await clients[library](inject('redisUrl'))
  })
  afterAll(() => open.end())

  const laws = jobStoreExam((terms) => examinedStore(open.client, terms), { runs: 25 })
  for (const law of laws) it.skipIf(law.missing)(law.name, () => law.run())
})
