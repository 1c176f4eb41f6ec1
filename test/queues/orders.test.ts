import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type JobOwner, LocalJob } from '../../src/queues/store/local-job.ts'
import { JobWalk } from '../../src/queues/store/orders/job-walk.ts'
import { Line } from '../../src/queues/store/orders/line.ts'
import type { Order } from '../../src/queues/store/orders/order.ts'
import { priorityOrder } from '../../src/queues/store/orders/priority.ts'
import { RankedOrder } from '../../src/queues/store/orders/ranked.ts'

const owner: JobOwner = { cancel: () => false, reprioritise: () => false, progressed: () => {} }

const orders: [string, () => Order, (a: LocalJob, b: LocalJob) => number][] = [
  ['a line', () => new Line(), (a, b) => a.seq - b.seq],
  ['priorities', () => priorityOrder(), (a, b) => b.priority - a.priority || a.seq - b.seq],
  [
    'ranks',
    () => new RankedOrder((job) => -job.priority),
    (a, b) => b.priority - a.priority || a.seq - b.seq,
  ],
]

describe('orders', () => {
  for (const [name, make, compare] of orders) {
    it(`${name}: push, take, put back and leave from anywhere, as a sorted array`, () => {
      const step = fc.oneof(
        { weight: 4, arbitrary: fc.record({ push: fc.oneof(fc.nat(3), fc.nat(1000)) }) },
        fc.record({ remove: fc.nat(1000) }),
        fc.record({ take: fc.boolean() }),
      )
      fc.assert(
        fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
          const order = make()
          let model: LocalJob[] = []
          let seq = 0
          for (const each of steps) {
            if ('push' in each) {
              const job = new LocalJob(undefined, each.push, ++seq, owner)
              order.push(job)
              model = [...model, job].toSorted(compare)
            } else if ('remove' in each) {
              const job = model[each.remove % model.length]
              if (job === undefined) continue
              order.remove(job)
              model = model.filter((other) => other !== job)
            } else {
              expect(order.peek()).toBe(model[0])
              const job = order.take()
              expect(job).toBe(model[0])
              if (job !== undefined && each.take) order.restore(job)
              else model = model.slice(1)
            }
            expect(order.size).toBe(model.length)
            expect([...order].map((job) => job.seq)).toEqual(model.map((job) => job.seq))
            const seqs = model.map((job) => job.seq)
            expect(order.first()?.seq).toBe(seqs.length === 0 ? undefined : Math.min(...seqs))
            const seen = new Set<number>()
            const walk = new JobWalk((job) => seen.add(job.seq))
            order.visit(walk)
            walk.end()
            expect(seen).toEqual(new Set(seqs))
          }
          // An order that is out of order inside shows it at the end.
          for (const job of model) expect(order.take()).toBe(job)
          expect(order.take()).toBe(undefined)
        }),
        { numRuns: 300 },
      )
    })
  }
})
