import { type Coordinator, isAioFluxError, type Lease } from 'aioflux'
import { ensure, ensureSame, type Law, type ManualClock } from 'aioflux/testing'
import { until } from '../support/until.ts'

/** Two processes over one storage, as far as the storage can tell. Leases last `10s`. */
export interface Processes {
  readonly a: Coordinator
  readonly b: Coordinator
  /** Theirs, and that of the storage. */
  readonly clock: ManualClock
  /** Lets time pass, and answers arrive meanwhile. */
  advance(seconds: number): Promise<void>
  /** What the storage knows of a lock is lost. */
  forget(name: string): Promise<void>
}

/** The laws of locks and leadership, whatever storage they are kept in. */
export function coordinatorExam(make: () => Promise<Processes>): Law[] {
  return [
    law('one holder at a time, and tokens that rise', async ({ a, b }) => {
      const first = (await a.tryLock('x')) as Lease
      ensure(first.held && !first.signal.aborted, 'it is not held')
      ensureSame(await b.tryLock('x'), undefined, 'a second holder')
      ensureSame(await a.tryLock('x'), undefined, 'a second holder in the same process')
      ensure((await b.tryLock('y')) !== undefined, 'another lock is locked too')
      ensureSame(await first.release(), true, 'release')
      ensureSame(first.held, false, 'held after release')
      const second = (await b.tryLock('x')) as Lease
      ensure(second.token > first.token, `token ${second.token} after ${first.token}`)
    }),

    law(
      'a lock that is given back in the turn in which another waits for it is had at once',
      async ({ a, b }) => {
        for (let round = 0; round < 8; round++) {
          for (const other of [a, b]) {
            const first = await a.lock('x')
            const waits = other.lock('x')
            void first.release()
            const next: { lease?: Lease } = {}
            void waits.then((lease) => {
              next.lease = lease
            })
            // No time passes: what is only asked for again after the term is never had.
            const lease = await until('the lock', () => next.lease)
            await lease.release()
          }
        }
      },
    ),

    law('releasing twice is releasing once, and takes nothing from the next', async ({ a, b }) => {
      const first = (await a.tryLock('x')) as Lease
      ensureSame(
        (await Promise.all([first.release(), first.release()])).join(),
        'true,true',
        'release',
      )
      const second = (await b.tryLock('x')) as Lease
      await first.release()
      await first[Symbol.asyncDispose]()
      await second.extend()
      ensureSame(second.held, true, 'held')
    }),

    law('without a holder it ends at its time and not before', async ({ a, b, advance }) => {
      const dead = (await a.tryLock('x', { renew: false })) as Lease
      await advance(9.9)
      ensureSame(await b.tryLock('x'), undefined, 'taken before its time')
      ensureSame(dead.held, false, 'held until the last moment')
      await advance(0.2)
      const next = (await b.tryLock('x')) as Lease
      ensure(next.token > dead.token, 'the token')
      ensureSame(await dead.release(), false, 'release of what was lost')
      ensureSame(next.held, true, 'held by the next')
    }),

    law('it renews itself for as long as it is held', async ({ a, b, advance }) => {
      let renewed = 0
      a.on('renewed', () => renewed++)
      const lease = (await a.tryLock('x')) as Lease
      for (let i = 0; i < 12; i++) {
        await advance(2.5)
        ensureSame(lease.held, true, `held after ${i * 2.5} s`)
        ensureSame(await b.tryLock('x'), undefined, 'a second holder')
      }
      ensure(renewed >= 7 && renewed <= 10, `renewed ${renewed} times in 30 s`)
      ensureSame(lease.signal.aborted, false, 'aborted')
    }),

    law('its signal aborts before anybody else can have it', async ({ a, b, advance }) => {
      const lost: string[] = []
      a.on('lost', ({ name, reason }) => lost.push(`${name} ${reason}`))
      const lease = (await a.tryLock('x', { renew: false })) as Lease
      let step = 0
      while (!lease.signal.aborted) {
        ensureSame(await b.tryLock('x'), undefined, 'taken while not aborted')
        ensure(step++ < 110, 'it does not abort')
        await advance(0.1)
      }
      ensure(isAioFluxError(lease.signal.reason, 'LEASE_LOST'), `reason ${lease.signal.reason}`)
      ensureSame(await b.tryLock('x'), undefined, 'taken as soon as it aborted')
      ensureSame(lost.join(), 'x expired', 'events')
      ensureSame(lease.remaining, 0, 'remaining')
    }),

    law('held and the signal are right after a stall, before any timer', async ({ a, clock }) => {
      const lease = (await a.tryLock('x')) as Lease
      const alone = (await a.tryLock('y')) as Lease
      // The machine has slept: the date has moved on, and no timer has run.
      clock.setWall(clock.wall() + 9_500)
      ensureSame(lease.held, false, 'held')
      ensureSame(alone.signal.aborted, true, 'aborted')
      const error = await Promise.resolve()
        .then(() => lease.assertHeld())
        .catch((thrown: unknown) => thrown)
      ensure(isAioFluxError(error, 'LEASE_LOST'), `assertHeld: ${error}`)
      ensureSame(await lease.release(), false, 'release')
    }),

    law('what the storage has forgotten is lost at the next renewal', async (exam) => {
      const { a, b, advance, forget } = exam
      const reasons: string[] = []
      a.on('lost', ({ reason }) => reasons.push(reason))
      const lease = (await a.tryLock('x')) as Lease
      await forget('x')
      await advance(0.1)
      const other = (await b.tryLock('x')) as Lease
      ensure(other.token > lease.token, `token ${other.token} after ${lease.token}`)
      await advance(3.4)
      ensureSame(lease.signal.aborted, true, 'aborted')
      ensureSame(reasons.join(), 'forgotten', 'reasons')
      ensureSame(other.held, true, 'held by the other')
      const error = await lease.extend().catch((thrown: unknown) => thrown)
      ensure(isAioFluxError(error, 'LEASE_LOST'), `extend: ${error}`)
    }),

    law('extend makes the term longer, now and from now on', async ({ a, b, advance }) => {
      const lease = (await a.tryLock('x', { renew: false })) as Lease
      await advance(5)
      await lease.extend('20s')
      await advance(15)
      ensureSame(lease.held, true, 'held')
      ensureSame(await b.tryLock('x'), undefined, 'a second holder')
      await advance(5.1)
      ensureSame(lease.held, false, 'held after its time')
      ensure((await b.tryLock('x')) !== undefined, 'still locked')
    }),

    law('who waits is woken, first come, first served', async ({ a, b, clock }) => {
      const first = (await a.tryLock('x')) as Lease
      const order: string[] = []
      const next = async (coordinator: Coordinator, name: string) => {
        const lease = await coordinator.lock('x')
        order.push(name)
        return lease
      }
      const b1 = next(b, 'b1')
      const b2 = next(b, 'b2')
      await settle()
      ensureSame(await b.tryLock('x'), undefined, 'past those who wait')
      const moment = clock.now()
      await first.release()
      const lease = await b1
      await settle()
      ensureSame(order.join(), 'b1', 'order')
      await lease.release()
      await (await b2).release()
      ensureSame(order.join(), 'b1,b2', 'order')
      ensureSame(clock.now(), moment, 'time that had to pass')
    }),

    law('who waits has it when its holder dies', async ({ a, b, advance }) => {
      const dead = (await a.tryLock('x', { renew: false })) as Lease
      let got: Lease | undefined
      const waiting = b.lock('x').then((lease) => {
        got = lease
      })
      await settle()
      await advance(9.9)
      ensureSame(got, undefined, 'before its time')
      await advance(0.2)
      // Where answers take real time, one that comes after a step was made is reckoned from the end of that step.
      if (got === undefined) await advance(0.5)
      await waiting
      ensure((got as unknown as Lease).token > dead.token, 'the token')
    }),

    law('a wait ends by its signal and by its timeout, and holds up nobody', async (exam) => {
      const { a, b, advance } = exam
      const first = (await a.tryLock('x')) as Lease
      const controller = new AbortController()
      const aborted = b.lock('x', { signal: controller.signal }).catch((error: unknown) => error)
      const late = b.lock('x', { timeout: '1s' }).catch((error: unknown) => error)
      const patient = b.lock('x')
      await settle()
      controller.abort(new Error('enough'))
      ensureSame(((await aborted) as Error).message, 'enough', 'reason')
      await advance(1.1)
      ensure(isAioFluxError(await late, 'WAIT_TIMEOUT'), `timeout: ${await late}`)
      await first.release()
      ensureSame((await patient).held, true, 'held')
      const before = await a
        .lock('x', { signal: controller.signal })
        .catch((error: Error) => error.message)
      ensureSame(before as unknown as string, 'enough', 'aborted before')
    }),

    law('several names: all or none, whatever their order', async ({ a, b }) => {
      const y = (await a.tryLock('y')) as Lease
      ensureSame(await b.tryLock(['x', 'y', 'z']), undefined, 'all of them')
      const x = (await a.tryLock('x')) as Lease
      const all = b.lock(['z', 'y', 'x', 'y'])
      await settle()
      ensure((await a.tryLock('z')) !== undefined, 'one was kept while others are waited for')
      await Promise.all([y.release(), x.release()])
      await a.close()
      const lease = await all
      ensureSame(lease.names.join(), 'x,y,z', 'names')
      ensureSame(lease.tokens.size, 3, 'tokens')
      ensure((lease.tokens.get('x') as number) > x.token, 'the token of one')
      ensure(lease.token >= Math.max(...lease.tokens.values()), 'the token of all')
      await lease.release()
      ensure((await b.tryLock(['x', 'y', 'z'])) !== undefined, 'after release')
    }),

    law('several names are lost together', async ({ a, b, advance, forget }) => {
      const lease = (await a.tryLock(['x', 'y'])) as Lease
      await advance(4)
      ensureSame(await b.tryLock('y'), undefined, 'renewed')
      await forget('y')
      await advance(3.5)
      ensureSame(lease.held, false, 'held')
    }),

    law('one leads, and the next one leads when it steps down', async ({ a, b }) => {
      const told: string[] = []
      a.on('elected', () => told.push('a'))
      a.on('deposed', () => told.push('not a'))
      ensureSame(await a.acquireLeadership(), true, 'a')
      ensureSame(await a.acquireLeadership(), true, 'a again')
      ensureSame(await b.acquireLeadership(), false, 'b')
      ensureSame(a.isLeader, true, 'a leads')
      ensureSame(b.isLeader, false, 'b leads')
      const waiting = b.waitForLeadership()
      const too = b.waitForLeadership()
      await settle()
      const token = a.leadership?.token as number
      ensureSame(await a.releaseLeadership(), true, 'release')
      ensureSame(await a.releaseLeadership(), false, 'release again')
      ensureSame(a.isLeader, false, 'a leads no more')
      ensure((await waiting).token > token, 'the token')
      ensureSame(await too, await waiting, 'the same lease for all who waited')
      ensureSame(b.isLeader, true, 'b leads')
      ensureSame(told.join(), 'a,not a', 'events')
    }),

    law('isLeader is never stale', async ({ a, b, advance, clock }) => {
      await a.acquireLeadership()
      clock.setWall(clock.wall() + 9_500)
      ensureSame(a.isLeader, false, 'a leads')
      await advance(10)
      ensureSame(await b.acquireLeadership(), true, 'b')
      ensureSame(await a.acquireLeadership(), false, 'a again')
    }),

    law('lead campaigns again after each loss, and ends with what it returned', async (exam) => {
      const { a, b, advance, forget } = exam
      const terms: number[] = []
      const led = a.lead(async (lease) => {
        terms.push(lease.token)
        if (terms.length === 3) return 'done'
        await new Promise((resolve) => lease.signal.addEventListener('abort', resolve))
        if (terms.length === 1) return 'whatever it ends with after a loss'
        throw new Error('however it ends after a loss')
      })
      for (let i = 1; i < 3; i++) {
        await until('a term', () => terms.length === i)
        await forget('coordinator_lock')
        await advance(3.5)
      }
      ensureSame(await led, 'done', 'what it returned')
      ensure((terms[0] as number) < (terms[1] as number), 'the tokens')
      ensureSame(a.isLeader, false, 'a leads')
      ensureSame(await b.acquireLeadership(), true, 'b')
      const failed = a.lead(() => Promise.reject(new Error('mine'))).catch((error: Error) => error)
      await settle()
      await b.releaseLeadership()
      ensureSame(((await failed) as Error).message, 'mine', 'what it threw')
    }),

    law('lead stops by its signal, and is kept until it has ended', async ({ a, b }) => {
      const controller = new AbortController()
      let end = () => {}
      let lease: Lease | undefined
      const led = a.lead(
        async (given) => {
          lease = given
          await new Promise<void>((resolve) => {
            end = resolve
          })
          return 'ended'
        },
        { signal: controller.signal },
      )
      await until('a leads', () => lease !== undefined)
      const other = a.lead(
        ({ signal }) => new Promise((resolve) => signal.addEventListener('abort', resolve)),
      )
      await settle()
      controller.abort(new Error('stop'))
      ensureSame(lease?.signal.aborted, true, 'aborted')
      ensureSame(lease?.signal.reason.message, 'stop', 'reason')
      ensureSame(await b.acquireLeadership(), false, 'b, before a has ended')
      end()
      ensureSame(await led, 'ended', 'what it returned')
      ensureSame(await b.acquireLeadership(), false, 'b, while another of a leads')
      await a.close()
      await other
      ensureSame(await b.acquireLeadership(), true, 'b')
      const never = b.lead(() => 1, { signal: AbortSignal.abort(new Error('before')) })
      ensureSame(await never.catch((error: Error) => error.message), 'before', 'aborted before')
    }),

    law('close gives back what is held and refuses those who wait', async ({ a, b }) => {
      const lease = (await a.tryLock('x')) as Lease
      await b.tryLock('y')
      const waiting = a.lock('y').catch((error: unknown) => error)
      const campaigning = a.waitForLeadership()
      await campaigning
      await settle()
      await Promise.all([a.close(), a.close()])
      ensure(isAioFluxError(lease.signal.reason, 'CLOSED'), 'the signal')
      ensure(isAioFluxError(await waiting, 'CLOSED'), 'who waited')
      ensure((await b.tryLock('x')) !== undefined, 'still locked')
      ensureSame(await b.acquireLeadership(), true, 'leadership')
      for (const verb of [() => a.lock('x'), () => a.tryLock('x'), () => a.acquireLeadership()]) {
        ensure(isAioFluxError(await verb().catch((error) => error), 'CLOSED'), 'a verb after close')
      }
    }),
  ]

  function law(name: string, run: (processes: Processes) => Promise<void>): Law {
    return {
      name,
      async run() {
        const processes = await make()
        try {
          await run(processes)
        } finally {
          await Promise.all([processes.a.close(), processes.b.close()])
        }
      },
    }
  }
}

/** What is under way gets where it goes, though no time passes. */
function settle(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 15))
}
