import type { JSX } from 'preact'
import { Bar } from './bar.tsx'
import { Chart } from './chart.tsx'
import { past } from './chart-range.ts'
import { changeLimit } from './confirmed-actions.ts'
import { Figure } from './figure.tsx'
import { figure, PER_SECOND, percent, quota, span } from './format.ts'
import { frozen, Pill } from './held-order.tsx'
import { Mark } from './mark.tsx'
import { doNow } from './notice.tsx'
import { levelOf, troubleOf } from './parts.tsx'
import { Act, filled, mayAct } from './permission.tsx'
import { pathTo } from './server.ts'
import { link, type State } from './store.ts'
import { Head } from './table-head.tsx'
import { WhatIf } from './what-if.tsx'
import { either, w } from './words.ts'

export function Limiter({
  name,
  state,
  opened,
}: {
  name: string
  state: State
  opened: string | undefined
}): JSX.Element | null {
  const limiter = state.limiters[name]
  const {
    list: top,
    moved,
    hold,
    release,
  } = frozen(`limiter/${name}`, limiter?.top?.list ?? [], ({ key }) => key)
  if (limiter === undefined) return null
  const { allowed = 0, denied = 0 } = limiter
  const trouble = troubleOf('limiter', name)
  const [passed = [], refused = []] = past().series[`limiter/${name}`] ?? []
  const bad = trouble ? 'bad' : undefined
  return (
    <section class="panel main">
      <header>
        <a class="back" href="#/limiters">
          ‹ {w('Limiters')}
        </a>
        <h1>
          <Mark level={levelOf('limiter', name)} />
          {name}
        </h1>
        <p>
          {limiter.rule.replace('-', ' ')} · {quota(limiter.quota)} ·{' '}
          {limiter.remote ? 'Redis' : either('in memory', 'в памяти')}
          {limiter.wouldDeny !== undefined && ` · ${w('a shadow: denies nothing')}`}
          {limiter.adapts && ` · ${w('finds its own limit')}`}
        </p>
        <div class="acts">
          {limiter.quota && !limiter.adapts && (
            <Act onClick={() => changeLimit(name)}>{w('Change limit…')}</Act>
          )}
        </div>
      </header>
      {limiter.failure && (
        <p class="note bad">
          <Mark level="bad" />
          {limiter.failure}
        </p>
      )}
      <div class="figures">
        <Figure value={figure(limiter.allowed)} unit={PER_SECOND} label={w('allowed')} />
        <Figure
          value={figure(limiter.denied)}
          unit={PER_SECOND}
          level={bad}
          label={`${w('denied')}, ${percent(denied / Math.max(1e-9, allowed + denied))}`}
        />
        {limiter.wouldDeny !== undefined && (
          <Figure
            value={figure(limiter.wouldDeny)}
            unit={PER_SECOND}
            label={w('would be denied')}
          />
        )}
        <Figure
          value={`${figure(limiter.top?.keys)}${limiter.top?.more ? '+' : ''}`}
          label={either(
            `keys denied of ${figure(limiter.keys)}`,
            `ключам отказано из ${figure(limiter.keys)}`,
          )}
        />
        <Figure value={figure(limiter.waiting)} label={w('waiting')} />
      </div>
      <div class="block">
        <h2>
          {w('Calls a second')}{' '}
          <small>
            <span class="key data">{w('allowed')}</span> <span class="key bad">{w('denied')}</span>
          </small>
        </h2>
        <Chart
          lines={[
            { values: passed, tone: 'data' },
            { values: refused, tone: 'bad' },
          ]}
          since={trouble?.since}
          height={90}
          axis
          label={`${name}: ${figure(allowed)} ${w('allowed')}, ${figure(denied)} ${w('denied')}`}
        />
      </div>
      <div class="block" {...hold}>
        <h2>
          {w('Denied most')}{' '}
          <small>
            {either('counted since you opened this page', 'считается с открытия страницы')}
            {limiter.top ? `, ± ${figure(limiter.top.error)}${PER_SECOND}` : ''}
          </small>{' '}
          <Pill moved={moved} release={release} />
        </h2>
        <table>
          <Head
            names={[
              ['Key'],
              ['Denied a second', 'num'],
              ['Share', 'wide'],
              ['Retry after', 'num'],
              ['Since', 'num wide'],
              ['Block.'],
            ]}
          />
          <tbody>
            {top.map(({ key, rate, retryAfter, since, blocked }) => (
              <tr key={key} class={key === opened ? 'selected' : ''}>
                <td>
                  <a class="row" href={link('limiters', name, 'keys', key)}>
                    <code>{key === '' ? "''" : key}</code>
                  </a>
                  {blocked && (
                    <small>
                      ⊘ {either('blocked by', 'заблокировал')} {blocked.by ?? '?'}
                    </small>
                  )}
                </td>
                <td class="num">
                  <b>{figure(rate)}</b>
                </td>
                <td class="wide">
                  <Bar share={rate / Math.max(denied, rate, 1e-9)} tone="bad" />
                </td>
                <td class="num">{span(retryAfter)}</td>
                <td class="num wide">{span((state.at - since) / 1000)}</td>
                <td class="acts">
                  {blocked ? (
                    <Act
                      kind="plain"
                      onClick={() =>
                        void doNow(w('Unblock'), pathTo('limiters', name, 'unblock'), {
                          key,
                        })
                      }
                    >
                      {w('Unblock')}
                    </Act>
                  ) : (
                    mayAct() && <a href={link('limiters', name, 'keys', key)}>{w('Block…')}</a>
                  )}
                </td>
              </tr>
            ))}
            {limiter.top && limiter.top.others > 0.05 && (
              <tr>
                <td>{either('other keys', 'другие ключи')}</td>
                <td class="num">
                  <b>{figure(limiter.top.others)}</b>
                </td>
                <td class="wide">
                  <Bar share={limiter.top.others / Math.max(denied, 1e-9)} tone="bad" />
                </td>
                <td />
                <td class="wide" />
                <td />
              </tr>
            )}
          </tbody>
        </table>
        {top.length === 0 && (
          <p class="none">{either('No key is denied.', 'Никому не отказано.')}</p>
        )}
        <form
          class="line"
          onSubmit={(event) => {
            location.hash = link('limiters', name, 'keys', filled(event)['key'])
          }}
        >
          <label>
            {either('Look at a key', 'Посмотреть ключ')} <input name="key" />
          </label>
          <button type="submit">{either('Look', 'Посмотреть')}</button>
        </form>
      </div>
      {limiter.quota?.rate !== undefined && !limiter.adapts && (limiter.whatIf || mayAct()) && (
        <WhatIf name={name} state={state} />
      )}
    </section>
  )
}
