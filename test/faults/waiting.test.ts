import { afterAll, beforeAll, describe, inject, it } from 'vitest'
import { type Crew, crew } from '../support/crew.ts'
import { figure, short } from '../support/figure.ts'
import { proxy, type TcpProxy } from '../support/tcp-proxy.ts'
import { sleep } from '../support/time.ts'
import { type LineName, lines } from './workers/lines.ts'
import type { News, WaitersTask } from './workers/waiters.ts'

const SOME: LineName[] = ['sliding-window']
const EACH = short ? 8 : 20
const LAST = 3 * EACH - 1
/** What a busy machine may make of a timer. */
const LATE = 400
/** Round trip of the third process, in the test of a slow line. */
const SLOW = 60

describe('three processes with waiters in one line', () => {
  let slow: TcpProxy
  beforeAll(async () => {
    slow = await proxy(Number(new URL(inject('redisUrl')).port || 6379))
    slow.latency(SLOW)
  })
  afterAll(() => slow?.close())

  it.each(short ? SOME : (Object.keys(lines) as LineName[]))(
    'first come, first served: %s',
    async (line) => {
      const url = inject('redisUrl')
      await using hands = await crew('waiters', tasks(line, [url, url, url]))
      const diary = new Diary(hands)
      for (let place = 0; place <= LAST; place++) await diary.start(place)
      // Those at the end leave, last first, and others come: each place is had by one.
      for (let place = LAST; place > LAST - 3; place--) await diary.abort(place)
      for (let place = LAST - 2; place <= LAST; place++) await diary.start(place)
      // In the middle one leaves. Those behind keep the times they were told.
      const left = LAST - 6
      await diary.abort(left)
      await diary.allGranted(LAST)
      diary.check(line, left, LATE)
    },
  )

  it('nobody acts before his time, however slow his line', async () => {
    const url = inject('redisUrl')
    await using hands = await crew('waiters', tasks('token-bucket', [url, url, slow.url]))
    const diary = new Diary(hands)
    for (let place = 0; place <= LAST; place++) await diary.start(place)
    const left = LAST - 3 // one of the slow ones, with others behind
    await diary.abort(left)
    await diary.allGranted(LAST)
    diary.check('token-bucket', left, SLOW + LATE)
  })
})

function tasks(line: LineName, urls: string[]): WaitersTask[] {
  const prefix = `waiting-${process.pid}-${performance.now()}`
  return urls.map((url) => ({ url, prefix, line }))
}

/** Who has which place, and what became of him. */
class Diary {
  readonly #hands: Crew['hands']
  readonly #grants = new Map<number, number[]>()
  readonly #turns: (() => void)[] = []
  #first: { sent: number; received: number } | undefined
  #refused: string[] = []
  #news: News[] = []

  constructor({ hands }: Crew) {
    this.#hands = hands
    for (const hand of hands) {
      const listen = async (): Promise<void> => {
        for (;;) this.#note(await hand.next<News>())
      }
      listen().catch(() => {}) // it has ended
    }
  }

  /** Somebody takes the next place, which is `place`. */
  async start(place: number): Promise<void> {
    this.#hand(place).send({ start: place })
    await this.#until((news) => 'reserved' in news && news.reserved === place)
  }

  async abort(place: number): Promise<void> {
    this.#hand(place).send({ abort: place })
    if (this.#grants.has(place))
      throw new Error(`place ${place} had its turn before it could leave`)
    await this.#until((news) => 'refused' in news && news.refused === place)
  }

  async allGranted(last: number): Promise<void> {
    await this.#until(() => this.#grants.has(last))
    await sleep(100)
  }

  check(line: LineName, left: number, late: number): void {
    const { sent, received } = this.#first as { sent: number; received: number }
    const name = `waiting: ${line}${late > LATE ? ', slow line' : ''}`
    const { due } = lines[line]
    let earliest = Infinity
    let latest = -Infinity
    let inversions = 0
    let before = { at: -Infinity, due: -Infinity }
    let doubled = 0
    let lost = 0
    for (let place = 0; place <= LAST; place++) {
      const times = this.#grants.get(place) ?? []
      if (place === left) {
        doubled += times.length
        continue
      }
      if (times.length > 1) doubled += 1
      if (times.length === 0) lost += 1
      for (const at of times) {
        earliest = Math.min(earliest, at - (sent + due(place)))
        latest = Math.max(latest, at - (received + due(place)))
        // Several may have their turn at once; and a process that was held up sees its own turn late.
        if (due(place) > before.due && at + late < before.at) inversions += 1
        before = { at: Math.max(before.at, at), due: due(place) }
      }
    }
    const places = LAST + 1
    figure(
      `${name}, lost and doubled`,
      `${lost} and ${doubled} of ${places}`,
      '0',
      lost + doubled === 0,
    )
    figure(`${name}, overtaken`, inversions, '0', inversions === 0)
    figure(`${name}, before their time`, `${(-earliest).toFixed(1)} ms`, '<= 0 ms', earliest >= 0)
    figure(`${name}, after their time`, `${latest.toFixed(1)} ms`, `<= ${late} ms`, latest <= late)
    const wrong = this.#refused.filter((why) => !why.includes('no more patience')).length
    figure(`${name}, refused for another reason`, wrong, '0', wrong === 0)
  }

  #hand(place: number) {
    return this.#hands[place % 3] as Crew['hands'][number]
  }

  #note(news: News): void {
    this.#news.push(news)
    if ('reserved' in news) this.#first ??= news
    if ('refused' in news) this.#refused.push(news.why)
    if ('granted' in news) {
      const times = this.#grants.get(news.granted) ?? []
      times.push(news.at)
      this.#grants.set(news.granted, times)
    }
    for (const turn of this.#turns.splice(0)) turn()
  }

  async #until(happened: (news: News) => boolean): Promise<void> {
    for (;;) {
      const at = this.#news.findIndex(happened)
      if (at >= 0) {
        this.#news.splice(at, 1)
        return
      }
      await new Promise<void>((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error('no news for 20 s')), 20_000)
        this.#turns.push(() => {
          clearTimeout(timer)
          resolve()
        })
      })
    }
  }
}
