import { isAioFluxError, LimiterFactory, type LimiterStorage } from 'aioflux'
import { ManualClock } from 'aioflux/testing'
import { expect, it } from 'vitest'

/** What waiting in groups must hold to, wherever the states lie. */
export function turnExam(make: (clock: ManualClock) => LimiterStorage): void {
  const world = () => {
    const clock = new ManualClock('1h')
    const storage = make(clock)
    const common = { clock, storage, scope: crypto.randomUUID() }
    const limiter = LimiterFactory.tokenBucket({ rate: 1, burst: 1, per: '1s', ...common })
    const pass = async (times: number) => {
      for (let i = 0; i < times; i++) {
        await clock.advanceAsync('1s')
        await new Promise((resolve) => setTimeout(resolve, 5))
        await clock.advanceAsync(0)
      }
    }
    return { clock, limiter, pass }
  }

  it('groups take turns, each in order of arrival', async () => {
    const { limiter, pass } = world()
    const served: string[] = []
    const wait = (group: string, n: number) =>
      void limiter.wait('all', { group }).then(() => served.push(`${group}${n}`))
    for (let n = 0; n < 8; n++) wait('a', n)
    for (let n = 0; n < 3; n++) wait('b', n)
    wait('c', 0)
    // As many seconds as it takes: a storage elsewhere answers in its own time.
    for (let i = 0; i < 200 && served.length < 12; i++) await pass(1)
    expect(served).toEqual('a0 a1 b0 c0 a2 b1 a3 b2 a4 a5 a6 a7'.split(' '))
  })

  it('who leaves is passed over, and who is late is refused', async () => {
    const { limiter, pass } = world()
    const served: string[] = []
    const controller = new AbortController()
    const { signal } = controller
    await limiter.acquire('all')
    void limiter.wait('all', { group: 'a' }).then(() => served.push('first'))
    const gone = limiter.wait('all', { group: 'a', signal }).catch((reason) => reason)
    const late = limiter.wait('all', { group: 'a', timeout: '1500ms' }).catch((reason) => reason)
    void limiter.wait('all', { group: 'b' }).then(() => served.push('last'))
    controller.abort(new Error('enough'))
    expect((await gone).message).toBe('enough')
    await pass(4)
    expect(isAioFluxError(await late, 'WAIT_TIMEOUT')).toBe(true)
    expect(served).toEqual(['first', 'last'])
    const refused = await limiter.wait('all', { group: 1 as never }).catch((reason) => reason)
    expect(refused).toMatchObject({ code: 'INVALID_OPTION', option: 'group' })
  })

  it('a reservation that waits takes its turn beside the groups', async () => {
    const { limiter, pass } = world()
    const served: string[] = []
    const note = (name: string) => () => void served.push(name)
    await limiter.acquire('all')
    void limiter.wait('all', { group: 'a' }).then(note('a0'))
    void limiter.wait('all', { group: 'a' }).then(note('a1'))
    void limiter.wait('all', { group: 'b' }).then(note('b0'))
    void limiter.reserve('all', 1, { timeout: '1h', ttl: '1h' }).then(note('reserved'))
    const late = limiter.reserve('all', 1, { timeout: '500ms' }).then(note('late'))
    for (let i = 0; i < 200 && served.length < 5; i++) await pass(1)
    await late
    expect(served).toEqual(['late', 'a0', 'a1', 'b0', 'reserved'])
  })

  it('no turn is lost to a caller that leaves while it is passed on', async () => {
    // How many microtasks lie between the two.
    for (let apart = 0; apart < 24; apart++) {
      for (const how of ['abort', 'timeout']) {
        const { clock, limiter, pass } = world()
        await limiter.acquire('all')
        const [one, other] = [new AbortController(), new AbortController()]
        const timeout = how === 'timeout' ? { timeout: '400ms' as const } : {}
        const gone = [
          limiter.wait('all', { group: 'a', signal: one.signal }),
          limiter.wait('all', { group: 'b', signal: other.signal, ...timeout }),
        ].map((wait) => wait.catch(() => 'gone'))
        let served = false
        const last = limiter.wait('all', { group: 'c' }).then(() => {
          served = true
        })
        await pass(0)
        await limiter.peek('all')
        one.abort()
        for (let i = 0; i < apart; i++) await Promise.resolve()
        if (how === 'abort') other.abort()
        else clock.advance('400ms')
        await Promise.all(gone)
        for (let i = 0; i < 20 && !served; i++) await pass(1)
        expect(served, `${how}, ${apart} microtasks apart`).toBe(true)
        await last
      }
    }
  })

  it('who waits in a group when it is closed is refused', async () => {
    const { limiter } = world()
    await limiter.acquire('all')
    const waits = ['a', 'a', 'b'].map((group) =>
      limiter.wait('all', { group }).catch((error) => error.code),
    )
    await limiter.close()
    expect(await Promise.all(waits)).toEqual(['CLOSED', 'CLOSED', 'CLOSED'])
  })
}
