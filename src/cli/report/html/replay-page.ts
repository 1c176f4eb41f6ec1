import type { CompareReport, LimitReport, Report } from '../replay-report.ts'
import { clock, percent, plural } from '../words.ts'
import { html, type Markup, noteList, page, tableOf } from './page.ts'
import { timelineChart } from './timeline-chart.ts'

/** A report of `aioflux replay` as one page. */
export function replayPage(report: Report, name: string): string {
  const { requests, allowed, denied, key } = report
  const title = `${report.algorithm} ${report.limits.map(withBurst).join(' and ')}, by ${key}`
  const span = report.from === null ? 'no requests' : spanOf(report.from, report.to ?? '')
  const body = [
    html`<h1>${title}</h1>
<p>${name}: ${plural(requests, 'request')}, ${report.others === null ? '' : 'at most '}${plural(report.keysSeen, 'key')}</p>
<p class="dim">${span}</p>`,
  ]
  if (requests > 0) {
    body.push(
      html`<h2>What the limit does</h2>`,
      tableOf(
        ['', 'requests', 'share'],
        [
          ['allowed', allowed, percent(allowed, requests)],
          ['denied', denied, percent(denied, requests)],
        ],
      ),
      html`<h2>Over time</h2>`,
      timelineChart(report),
      ...worstHit(report),
      html`<h2>Burst with which a token bucket would deny nothing</h2>`,
      tableOf(
        ['limit', 'burst', 'needed by'],
        report.limits.map(({ limit, neededBurst, neededBurstKey }) => [
          limit,
          neededBurst,
          neededBurstKey ?? '',
        ]),
      ),
    )
    if (report.compare !== null) body.push(...compared(report, report.compare))
  }
  body.push(noteList(report.notes))
  return page(title, body)
}

function worstHit({ keys, key, denied }: Report): Markup[] {
  if (keys.length === 0) return []
  return [
    html`<h2>${denied > 0 ? `Worst hit by ${key}` : 'Most requests'}</h2>`,
    tableOf(
      [key, 'requests', 'allowed', 'denied', 'share'],
      keys.map((count) => [
        count.key,
        count.requests,
        count.allowed,
        count.denied,
        percent(count.denied, count.requests),
      ]),
    ),
  ]
}

function compared({ requests, denied, key }: Report, compare: CompareReport): Markup[] {
  const { both, onlyLimit, onlyCompare } = compare.keysHit
  return [
    html`<h2>Compared with ${compare.algorithm} ${compare.limits.map(withBurst).join(' and ')}</h2>`,
    tableOf(
      ['denied', 'requests', 'share', 'keys'],
      [
        ['by both', denied - compare.looser, percent(denied - compare.looser, requests), both],
        ['only by --limit', compare.looser, percent(compare.looser, requests), onlyLimit],
        ['only by --compare', compare.stricter, percent(compare.stricter, requests), onlyCompare],
      ],
    ),
    tableOf(
      [`treated differently: ${key}`, 'requests', 'denied by --limit', 'denied by --compare'],
      compare.keys.map((count) => [count.key, count.requests, count.denied, count.compareDenied]),
    ),
  ]
}

function withBurst({ limit, burst }: Pick<LimitReport, 'limit' | 'burst'>): string {
  return burst === null ? limit : `${limit} burst ${burst}`
}

function spanOf(from: string, to: string): string {
  return `${clock(from)} to ${clock(to)} UTC`
}
