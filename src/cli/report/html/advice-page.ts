import type { Advice } from '../../advise/advice-report.ts'
import { limitText, question } from '../show-advice.ts'
import { clock, plural, share } from '../words.ts'
import { adviceChart } from './advice-chart.ts'
import { html, noteList, page, tableOf } from './page.ts'

/** A report of `aioflux advise` as one page. */
export function advicePage(advice: Advice, name: string): string {
  const { requests, keysSeen, sampled, from, to, limits, per, hit, key } = advice
  const title = question(advice)
  const body = [
    html`<h1>${title}</h1>
<p>${name}: ${plural(requests, 'request')}, ${sampled === null ? '' : 'about '}${plural(keysSeen, 'key')}</p>
<p class="dim">${from === null || to === null ? 'no requests' : `${clock(from)} to ${clock(to)} UTC`}</p>`,
  ]
  if (requests > 0) {
    body.push(
      html`<h2>Limits</h2>`,
      tableOf(
        ['', 'limit', 'denied', 'share', 'keys hit', 'share', 'knee'],
        limits.map(({ algorithm, rate, denied, deniedKeys, knee }) => [
          algorithm,
          limitText(rate, per),
          denied,
          share(denied / requests),
          deniedKeys,
          share(deniedKeys / keysSeen),
          knee === null ? '-' : limitText(knee.rate, per),
        ]),
      ),
      html`<pre><code>${limits.map(({ code }) => html`${code}\n`)}</code></pre>
<h2>Denied, by the limit</h2>`,
      adviceChart(advice),
    )
    if (hit.length > 0) {
      body.push(
        html`<h2>Keys that are hit</h2>`,
        tableOf(
          [key, 'requests', 'most in a window', 'burstiness', ...limits.map((l) => l.algorithm)],
          hit.map((each) => [
            each.key,
            each.requests,
            each.peak,
            each.burstiness,
            ...limits.map(({ algorithm }) => each.deniedBy[algorithm] ?? 0),
          ]),
        ),
        html`<p class="dim">Burstiness is the most in one window, divided by the mean. 1 is even.</p>`,
      )
    }
  }
  body.push(noteList(advice.notes))
  return page(title, body)
}
