import type { IncomingMessage, ServerResponse } from 'node:http'
import {
  CircuitBreaker,
  Coordinator,
  LimiterFactory,
  MemoryStorage,
  QueueFactory,
  Scheduler,
} from 'aioflux'
import { type AccessAnswer, dashboard } from 'aioflux/dashboard'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { browserPath, launch } from '../../scripts/browser.ts'
import { ProcessPart } from '../../src/dashboard/parts/process-part.ts'
import { messages } from './client.ts'
import { type Serving, serve } from './servers.ts'

if (browserPath === undefined) {
  console.warn('aioflux: NO BROWSER here, so the page of the dashboard is NOT tested; set CHROMIUM')
}

// A busy machine is no part of what is tested: a late event loop would be a trouble of its own.
ProcessPart.prototype.noteLate = () => {}

/** Names that would be markup where they are not taken as text. */
const EVIL = `<img src=x onerror="document.title='owned'">"'&lt;\u202e`

/** A page that sees one part of each kind, in trouble where it can be. */
function scene(answer: AccessAnswer = { may: 'all', user: EVIL }) {
  const api = LimiterFactory.tokenBucket({ rate: 10, per: '1h', name: 'api' })
  const odd = LimiterFactory.tokenBucket({ rate: 1, per: '1h', name: EVIL })
  const ran: string[] = []
  const mails = QueueFactory.fifo<string>({
    name: 'mails',
    workers: 2,
    keep: { dead: { count: 10 } },
    group: () => EVIL,
    handler: async () => {
      throw Object.assign(new Error(EVIL), { code: EVIL })
    },
  })
  for (const event of ['failed', 'error'] as const) mails.on(event, () => {})
  const gateway = new CircuitBreaker({ name: 'gateway', failureThreshold: 1, timeout: '1h' })
  const scheduler = new Scheduler({ timezone: 'UTC' })
  scheduler.cron('0 5 * * *', () => void ran.push('report'), { name: 'report' })
  scheduler.start()
  const coordinator = new Coordinator({ storage: new MemoryStorage(), lockName: 'billing' })
  const board = dashboard({
    limiters: [api, odd],
    queues: [mails],
    breakers: [gateway],
    schedulers: [scheduler],
    coordinators: [coordinator],
    title: EVIL,
    show: () => EVIL,
    access: () => answer,
  })
  const stop = async () => {
    await mails.stop({ mode: 'drop' })
    await scheduler.stop()
    await coordinator.close()
  }
  return { api, odd, mails, gateway, scheduler, coordinator, board, ran, stop }
}

const VIEWS = ['now', 'limiters', 'queues', 'breakers', 'schedules', 'locks', 'processes']

describe.skipIf(browserPath === undefined)('the page in a browser', { timeout: 60_000 }, () => {
  let browser: Browser
  let server: Serving
  let parts: ReturnType<typeof scene>
  let page: Page
  /** A page that axe looks at. */
  let seen: Page
  /** Streams that are open, and how often anything was asked for. */
  const streams = new Set<ServerResponse>()
  let asked = 0
  const watch = (request: IncomingMessage, response: ServerResponse) => {
    asked += 1
    if (request.url !== '/api/stream') return
    streams.add(response)
    response.on('close', () => streams.delete(response))
  }
  const faults: string[] = []

  const open = async (options: Parameters<Browser['newPage']>[0] = {}, url = server.url) => {
    const opened = await browser.newPage(options)
    // A guard against hanging: a machine may be busy.
    opened.setDefaultTimeout(30_000)
    opened.on('console', (message) => {
      if (message.type() === 'error') faults.push(message.text())
    })
    opened.on('pageerror', (error) => faults.push(String(error)))
    opened.on('request', (request) => {
      const asked = request.url()
      if (!asked.startsWith(url) && !asked.startsWith('data:')) faults.push(`asked ${asked}`)
    })
    return opened
  }
  const go = async (place: string, on = page) => {
    await on.goto(`${server.url}#/${place}`)
    // Without a reload, what was there before may be still.
    const [view] = place.split(/[/?]/)
    await on.waitForSelector(`header nav a[href="#/${view}"][aria-current]`)
    await on.waitForSelector('main :is(h1, h2):visible')
  }
  /** Presses a button, answers the dialog, and waits until it is done. */
  const act = async (button: string, verb: string) => {
    await page.locator('main').getByRole('button', { name: button }).first().click()
    const dialog = page.locator('dialog[open]')
    await dialog.waitFor()
    // The way out has the focus, so that Enter does nothing.
    expect(await page.evaluate('document.activeElement.className')).toBe('notnow')
    await dialog.getByLabel(/Why/).fill('because')
    await dialog.getByRole('button', { name: verb }).click()
    await dialog.waitFor({ state: 'detached' })
  }
  /** Until all that was asked for has come and been drawn. */
  const drawn = () =>
    page.evaluate(`(async () => {
      const frame = () => new Promise((resolve) => requestAnimationFrame(resolve))
      while (window.asked > 0) await frame()
      await frame()
      await frame()
    })()`)
  const seriousFaults = async (on: Page) => {
    // Only what is asserted is worked out: no selectors, no outcomes of rules that hold.
    const options = `{ resultTypes: ['violations'], selectors: false, preload: false }`
    const { violations } = (await on.evaluate(`axe.run(${options})`)) as {
      violations: { id: string; impact: string; nodes: { html: string }[] }[]
    }
    return violations
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .map(({ id, nodes }) => [id, nodes[0]?.html])
  }
  const until = async (holds: () => boolean | Promise<boolean>) => {
    while (!(await holds())) await page.waitForTimeout(50)
  }

  beforeAll(async () => {
    browser = await launch()
    parts = scene()
    server = await serve(parts.board, watch)
    const { mails, api, odd, gateway, coordinator } = parts
    await coordinator.acquireLeadership()
    await coordinator.lock('invoice-1')
    await mails.put('a', { id: 'job-1' })
    await mails.put('b', { id: EVIL })
    await mails.put('c', { id: 'later', delay: '1h' })
    mails.start()
    await gateway.call(() => Promise.reject(new Error(EVIL))).catch(() => {})
    for (let i = 0; i < 30; i++) for (const limiter of [api, odd]) limiter.allow(EVIL)
    const axe = await import('axe-core')
    seen = await open({ bypassCSP: true })
    await go('now', seen)
    await seen.evaluate(axe.default.source)
    page = await open()
    // Counts what the page has asked for and has not got yet.
    await page.addInitScript(`{
      const ask = window.fetch
      window.asked = 0
      window.fetch = (...given) => {
        window.asked += 1
        return ask(...given).finally(() => setTimeout(() => { window.asked -= 1 }))
      }
    }`)
  }, 60_000)
  afterAll(async () => {
    await browser?.close()
    await parts?.stop()
    await server?.[Symbol.asyncDispose]()
    expect(faults).toEqual([])
  })

  describe.each([
    ['light', 1280],
    ['light', 390],
    ['light', 360],
    ['dark', 1280],
    ['dark', 360],
  ] as const)('%s, %i px wide', (colorScheme, width) => {
    beforeAll(async () => {
      await seen.emulateMedia({ colorScheme })
      await seen.setViewportSize({ width, height: 800 })
    })

    it.each(VIEWS)('shows %s without a serious fault', async (view) => {
      await go(view, seen)
      await seen.waitForSelector('.live')
      const wide = await seen.evaluate('document.documentElement.scrollWidth')
      expect(wide).toBe(width)
      // What is 10 px narrower differs in no rule.
      if (width !== 390) expect(await seriousFaults(seen)).toEqual([])
    })
  })

  it('shows a key and a job without a serious fault, in both themes and on a phone', async () => {
    const places = [
      `limiters/api/keys/${encodeURIComponent(EVIL)}`,
      'queues/mails/jobs/job-1',
      'queues/mails?state=dead',
    ]
    for (const colorScheme of ['light', 'dark'] as const) {
      await seen.emulateMedia({ colorScheme })
      for (const place of places) {
        await go(place, seen)
        await seen.waitForSelector('main h1 code, main .jobs a.row')
        for (const width of [1280, 360]) {
          await seen.setViewportSize({ width, height: 800 })
          const wide = await seen.evaluate('document.documentElement.scrollWidth')
          expect([place, wide]).toEqual([place, width])
        }
        expect([place, await seriousFaults(seen)]).toEqual([place, []])
      }
    }
  })

  it('takes keys, names, errors and labels as text', async () => {
    for (const place of [
      ...VIEWS,
      `limiters/${encodeURIComponent(EVIL)}/keys/${encodeURIComponent(EVIL)}`,
      'queues/mails?state=dead',
      `queues/mails/jobs/${encodeURIComponent(EVIL)}`,
      `queues/${encodeURIComponent(EVIL)}`,
    ]) {
      await go(place)
      await drawn()
      expect(await page.locator('img, main script, iframe').count()).toBe(0)
      expect(await page.title()).not.toBe('owned')
    }
    await go(`queues/mails/jobs/${encodeURIComponent(EVIL)}`)
    await page.getByText(EVIL).first().waitFor()
  })

  it('shows within two seconds what has changed', async () => {
    await go('queues')
    await page.locator('.side').getByText('1 delayed').waitFor()
    await parts.mails.put('d', { delay: '1h' })
    await page.locator('.side').getByText('2 delayed').waitFor({ timeout: 2000 })
  })

  it('isolates a breaker and closes it', async () => {
    await go('breakers')
    await act('Isolate', 'Isolate')
    expect(parts.gateway.state).toBe('isolated')
    await page.locator('main').getByText('isolated').first().waitFor()
    await act('Reset', 'Close now')
    expect(parts.gateway.state).toBe('closed')
  })

  it('pauses a queue and resumes it, and changes its workers with a way back', async () => {
    await go('queues/mails')
    await act('Pause everywhere', 'Pause everywhere')
    expect(parts.mails.stats().paused).toBe(true)
    await act('Resume everywhere', 'Resume everywhere')
    expect(parts.mails.stats().paused).toBe(false)
    await page.getByRole('button', { name: '+ 1' }).click()
    await until(() => parts.mails.workers === 3)
    await page.getByRole('button', { name: 'Undo' }).click()
    await until(() => parts.mails.workers === 2)
  })

  it('redrives, cancels and removes jobs', async () => {
    await go('queues/mails/jobs/job-1')
    await act('Redrive', 'Redrive')
    await until(async () => (await parts.mails.job('job-1'))?.state === 'dead')
    await go('queues/mails/jobs/job-1?again')
    await act('Remove', 'Remove')
    expect(await parts.mails.job('job-1')).toBe(undefined)
    await go('queues/mails/jobs/later')
    await act('Cancel', 'Cancel the job')
    expect(await parts.mails.job('later')).toBe(undefined)
  })

  it('runs a schedule now', async () => {
    await go('schedules')
    await act('Run now', 'Run now')
    expect(parts.ran).toEqual(['report'])
  })

  it('blocks a key, gives back, forgets, and changes a limit', async () => {
    await go('limiters/api/keys/user')
    await page.getByRole('button', { name: 'Block', exact: true }).click()
    await page.getByText('The next call is denied').waitFor()
    expect(parts.api.allow('user')).toBe(false)
    await act('Forget', 'Forget')
    expect(parts.api.allow('user')).toBe(true)
    await page.locator('.deed').getByRole('button', { name: 'Give' }).click()
    await until(async () => (await parts.api.peek('user')).remaining === 10)
    await go('limiters/api')
    await page.locator('main').getByRole('button', { name: 'Change limit…' }).click()
    await page.locator('dialog').getByLabel('rate').fill('20')
    await page.locator('dialog').getByLabel('burst').fill('20')
    await page.locator('dialog').getByRole('button', { name: 'Change limit' }).click()
    await page.locator('dialog[open]').waitFor({ state: 'detached' })
    expect((await parts.api.peek('user')).limit).toBe(20)
  })

  it('judges another limit on live calls, then applies it', async () => {
    await go('limiters/api')
    const trial = page.locator('.whatif')
    await trial.getByLabel('rate').fill('5')
    await trial.getByLabel('burst').fill('5')
    await trial.getByRole('button', { name: 'Judge this' }).click()
    await trial.getByText('Same answer').waitFor()
    for (let i = 0; i < 8; i++) expect(parts.api.allow('tried')).toBe(true)
    await trial.getByText('% of 8').waitFor()
    expect(await trial.textContent()).toContain('62.5 % of 8')
    await trial.getByRole('button', { name: /Apply/ }).click()
    await page.locator('dialog').getByRole('button', { name: 'Change limit' }).click()
    await page.locator('dialog[open]').waitFor({ state: 'detached' })
    expect((await parts.api.peek('tried')).limit).toBe(5)
  })

  it('tells what was done, by whom and why', async () => {
    await go('now')
    const happened = page.locator('.happened')
    await happened.getByText('reconfigure').first().waitFor()
    expect(await happened.textContent()).toContain('because')
  })

  it('is worked by the keyboard, and keeps its filter in its address', async () => {
    await go('now')
    await page.keyboard.press('g')
    await page.keyboard.press('q')
    await page.waitForURL('**/#/queues')
    await page.keyboard.press('j')
    await page.keyboard.press('Enter')
    await page.waitForURL('**/#/queues/mails')
    await page.keyboard.press('Escape')
    await page.waitForURL('**/#/queues')
    await page.keyboard.press('/')
    await page.keyboard.type('mai')
    await page.waitForURL('**?filter=mai')
    await page.reload()
    await page.waitForSelector('.side')
    expect(await page.locator('#filter').inputValue()).toBe('mai')
  })

  it('walks through the jobs of a list by j and k, each with its stack', async () => {
    const ids = ['walk-1', 'walk-2', 'walk-3']
    for (const id of ids) await parts.mails.put(id, { id })
    parts.mails.start()
    await until(async () => (await parts.mails.job('walk-3'))?.state === 'dead')
    await go('queues/mails?state=dead')
    await page.locator('.jobs').getByText('walk-1', { exact: true }).click()
    await page.getByText(/^Error: .*\n {4}at /).waitFor()
    await page.keyboard.press('j')
    await page.waitForURL('**/jobs/walk-2')
    await page.getByRole('heading', { name: 'walk-2' }).waitFor()
    await page.keyboard.press('j')
    await page.waitForURL('**/jobs/walk-3')
    await page.getByRole('heading', { name: 'walk-3' }).waitFor()
    await page.keyboard.press('k')
    await page.waitForURL('**/jobs/walk-2')
    await page.keyboard.press('Escape')
    await page.waitForURL('**#/queues/mails')
  })

  it('opens where its address says, and goes to what the filter names', async () => {
    const places: [string, string][] = [
      [`limiters/${encodeURIComponent(EVIL)}`, EVIL],
      ['limiters/api/keys/203.0.113.7%2F8', '203.0.113.7/8'],
      ['queues/none', 'There is no such queue.'],
      ['limiters/none', 'There is no such limiter.'],
    ]
    for (const [place, text] of places) {
      await go(place)
      await page.locator('main').getByText(text, { exact: true }).first().waitFor()
    }
    // A job that is not there has no heading.
    await page.goto(`${server.url}#/queues/mails/jobs/none`)
    await page.getByText('There is no such job any more.').waitFor()
    await go('now')
    await page.locator('#filter').fill('gateway')
    expect(await page.locator('.everything li').allTextContents()).toEqual([
      expect.stringContaining('gateway'),
    ])
    await page.keyboard.press('Enter')
    await page.waitForURL('**/#/breakers/gateway**')
  })

  it('keeps the order of a list while somebody is in it, and says what has moved', async () => {
    await go('limiters')
    const names = () => page.locator('.side b').allTextContents()
    await page.locator('.side').hover()
    const before = await names()
    const last = before.at(-1) === 'api' ? parts.api : parts.odd
    for (let i = 0; i < 400; i++) last.allow('flood')
    const pill = page.getByRole('button', { name: 'changed places' }).first()
    await pill.waitFor()
    expect(await names()).toEqual(before)
    await pill.click()
    await page.mouse.move(0, 0)
    await until(async () => (await names())[0] === last.name)
  })

  it('tells its keys, and turns them off', async () => {
    await go('now')
    await page.keyboard.press('?')
    await page.getByRole('button', { name: 'all keys off' }).click()
    await page.keyboard.press('g')
    await page.keyboard.press('q')
    expect(page.url()).toContain('#/now')
    await page.getByRole('button', { name: 'all keys on' }).click()
    await page.keyboard.press('h')
    await page.locator('.live').getByText('Held').waitFor()
    await page.keyboard.press('h')
    await page.keyboard.press('?')
  })

  it('says in its title and to a screen reader what is wrong', async () => {
    await parts.gateway.call(() => Promise.reject(new Error('away'))).catch(() => {})
    await go('now')
    await page.getByRole('heading', { name: 'gateway is open' }).waitFor()
    expect(await page.title()).toMatch(/^◆\d/)
    await page
      .locator('[aria-live=polite]')
      .getByText('gateway open')
      .waitFor({ state: 'attached' })
    await page.getByRole('button', { name: 'By start' }).click()
    await page.waitForURL('**?sort=start')
    await page.reload()
    const pressed = page.locator('[aria-pressed=true]').getByText('By start')
    await pressed.waitFor()
    const chart = page.locator('.troubles svg[role=img][aria-label^="gateway:"]')
    expect(await chart.getAttribute('aria-label')).toMatch(/calls refused, Since \d/)
    await go('breakers')
    await act('Close now', 'Close now')
  })

  it('rests in a hidden tab, and goes on when it is seen again', async () => {
    const hide = (hidden: boolean) =>
      rests.evaluate(`{
        Object.defineProperty(document, 'hidden', { value: ${hidden}, configurable: true })
        document.dispatchEvent(new Event('visibilitychange'))
      }`)
    const others = streams.size
    const rests = await open()
    await go('queues', rests)
    await until(() => streams.size === others + 1)
    await rests.locator('.live').getByText('Live').waitFor()
    await seen.goto('about:blank')
    await page.goto('about:blank')
    await hide(true)
    await until(() => streams.size === 0)
    const before = asked
    // Meanwhile a second passes at the server, for one who reads the stream.
    const leave = new AbortController()
    const stream = messages(server.url, leave.signal)
    for (let i = 0; i < 2; i++) await stream.next()
    expect([asked, streams.size]).toEqual([before + 1, 1])
    leave.abort()
    await stream.next().catch(() => {})
    await until(() => streams.size === 0)
    await hide(false)
    await until(() => streams.size === 1)
    await rests.close()
  })

  it('polls where it cannot have a stream', async () => {
    const polls = await browser.newPage()
    await polls.route('**/api/stream', (route) => route.abort())
    await polls.goto(`${server.url}#/queues`)
    await polls.locator('.live').getByText('Live').waitFor()
    await parts.mails.put('polled', { id: 'polled', delay: '1h' })
    const { delayed } = await parts.mails.counts()
    await polls.locator('.side').getByText(`${delayed} delayed`).waitFor()
    await polls.close()
  })

  it('speaks Russian, on a phone too', async () => {
    await page.setViewportSize({ width: 360, height: 800 })
    for (const view of VIEWS) {
      await page.goto(`${server.url}?lang=ru#/${view}`)
      await page.locator('header nav').getByText('Очереди').waitFor()
      await page.waitForSelector('main :is(h1, h2):visible')
      const wide = await page.evaluate('document.documentElement.scrollWidth')
      expect([view, wide]).toEqual([view, 360])
    }
    expect(await page.locator('html').getAttribute('lang')).toBe('ru')
    await page.setViewportSize({ width: 1280, height: 720 })
  })

  it('says what would be here, and how to get it, where there is nothing', async () => {
    await using nothing = await serve(dashboard({ access: () => 'all' }))
    const said = {
      now: ['Nothing is wrong.', 'Всё в порядке.'],
      limiters: ['No limiter yet.', 'Лимитеров пока нет.'],
      queues: ['No queue yet.', 'Очередей пока нет.'],
      breakers: ['No breaker yet.', 'Предохранителей пока нет.'],
      schedules: ['No schedule yet.', 'Расписаний пока нет.'],
      locks: ['No lock is held.', 'Блокировок нет.'],
      processes: ['1 heard, 0 silent', 'слышно 1, молчат 0'],
    }
    const empty = await open({}, nothing.url)
    for (const [i, language] of ['en', 'ru'].entries()) {
      await empty.goto(`${nothing.url}?lang=${language}`)
      for (const [view, texts] of Object.entries(said)) {
        await empty.goto(`${nothing.url}?lang=${language}#/${view}`)
        await empty
          .locator('main')
          .getByText(texts[i] as string)
          .first()
          .waitFor()
        if (view !== 'now' && view !== 'locks' && view !== 'processes') {
          expect(await empty.locator('main pre').first().textContent()).toContain(
            `${view}`.slice(0, 8),
          )
        }
      }
    }
    await empty.close()
  })

  it('has no buttons for one who may only read, and says so', async () => {
    const other = scene('read')
    await using readOnly = await serve(other.board)
    const reader = await open({}, readOnly.url)
    for (const view of VIEWS) {
      await reader.goto(`${readOnly.url}#/${view}`)
      await reader.getByText('Reading only').waitFor()
      const names = await reader.locator('main button').allTextContents()
      expect(names.filter((name) => name.endsWith('…'))).toEqual([])
    }
    await reader.close()
    await other.stop()
  })

  it('says since when it has heard nothing, and lets nobody act meanwhile', async () => {
    const other = scene()
    const gone = await serve(other.board)
    const seen = await browser.newPage()
    await seen.goto(`${gone.url}#/breakers`)
    await seen.getByRole('button', { name: 'Isolate…' }).first().waitFor()
    await gone[Symbol.asyncDispose]()
    await seen.getByText('Connection lost').waitFor()
    expect(await seen.getByRole('button', { name: 'Isolate…' }).first().isDisabled()).toBe(true)
    await seen.close()
    await other.stop()
  })
})
