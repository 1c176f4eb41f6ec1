import type { JSX } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { figure, numbersOf, percent, quota, span } from './format.ts'
import { levelOf, Told } from './now.tsx'
import { changeLimit, forget } from './questions.ts'
import { act, ask, link, place, type State, store } from './store.ts'
import {
  Act,
  At,
  Bar,
  Chart,
  doNow,
  Empty,
  Figure,
  Mark,
  matches,
  mayAct,
  Pill,
  tell,
  troubleOf,
  useFrozen,
} from './ui.tsx'
import { either, w } from './words.ts'

const path = (name: string) => `limiters/${encodeURIComponent(name)}`

/** The list at the left of a view, worst first. */
export function Side({
  view,
  title,
  foot,
  items,
  name,
}: {
  view: string
  title: string
  foot: string
  items: readonly { name: string; level: JSX.Element; says: string; more: string; bad?: boolean }[]
  name: string | undefined
}): JSX.Element {
  const { list, moved, hold, release } = useFrozen(items, (item) => item.name)
  return (
    <nav class="panel side" aria-label={title} {...hold}>
      <h2>
        {title} <small>{w('worst first')}</small>
      </h2>
      <Pill moved={moved} release={release} />
      <ul>
        {list.slice(0, 300).map((item) => (
          <li key={item.name}>
            <a
              class="row"
              href={link(view, item.name)}
              aria-current={item.name === name ? 'page' : undefined}
            >
              {item.level}
              <b>{item.name}</b>
              <span class={item.bad ? 'bad' : ''}>{item.says}</span>
              <small>{item.more}</small>
            </a>
          </li>
        ))}
      </ul>
      <p class="foot">{foot}</p>
    </nav>
  )
}

export function Limiters({ state }: { state: State }): JSX.Element {
  const { name: asked, what, id, filter } = place()
  const all = Object.entries(state.limiters).filter(([name, { top }]) =>
    matches(filter, name, ...(top?.list.map(({ key }) => key) ?? [])),
  )
  const sorted = all.sort(([, a], [, b]) => (b.denied ?? 0) - (a.denied ?? 0))
  if (Object.keys(state.limiters).length === 0) {
    return (
      <Empty
        title={w('No limiter yet.')}
        text={either(
          'Here you will see who is denied and how often, and try other limits on live calls. Hand your limiters to the page:',
          'Здесь видно, кому и как часто отказано. Передайте лимитеры странице:',
        )}
        code={
          "import { dashboard } from 'aioflux/dashboard'\n\napp.use('/flow', dashboard({ limiters: [api], access }).handler)"
        }
      />
    )
  }
  const name = asked ?? sorted[0]?.[0]
  const limiter = name === undefined ? undefined : state.limiters[name]
  return (
    <div class={`panes ${asked === undefined ? 'at-list' : ''}`}>
      <Side
        view="limiters"
        title={w('Limiters')}
        name={name}
        foot={either('Figures: denied a second.', 'Числа: отказов в секунду.')}
        items={sorted.map(
          ([each, { denied, wouldDeny, quota: numbers, keys, waiting, whatIf, rule }]) => ({
            name: each,
            level: (
              <Mark
                level={levelOf(
                  'limiter',
                  each,
                  whatIf || wouldDeny !== undefined ? 'shadow' : 'fine',
                )}
              />
            ),
            says: `${figure(wouldDeny ?? denied)}/s`,
            bad: troubleOf('limiter', each) !== undefined,
            more: `${quota(numbers) || rule} · ${waiting > 0 ? `${figure(waiting)} ${w('waiting')}` : `${figure(keys)} ${either('keys', 'ключей')}`}`,
          }),
        )}
      />
      {name !== undefined && limiter !== undefined ? (
        <Limiter
          key={name}
          name={name}
          state={state}
          opened={what === 'keys' ? (id ?? '') : undefined}
        />
      ) : (
        <p class="panel none">{either('There is no such limiter.', 'Такого лимитера нет.')}</p>
      )}
      {name !== undefined && limiter !== undefined && what === 'keys' && (
        <Key key={`${name}/${id}`} name={name} id={id ?? ''} state={state} />
      )}
    </div>
  )
}

function Limiter({
  name,
  state,
  opened,
}: {
  name: string
  state: State
  opened: string | undefined
}): JSX.Element | null {
  const limiter = state.limiters[name]
  const { list: top, moved, hold, release } = useFrozen(limiter?.top?.list ?? [], ({ key }) => key)
  const [look, setLook] = useState('')
  if (limiter === undefined) return null
  const { allowed = 0, denied = 0 } = limiter
  const trouble = troubleOf('limiter', name)
  const [passed = [], refused = []] = state.past.series[`limiter/${name}`] ?? []
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
        <Figure value={figure(limiter.allowed)} unit="/s" label={w('allowed')} />
        <Figure
          value={figure(limiter.denied)}
          unit="/s"
          level={bad}
          label={`${w('denied')}, ${percent(denied / Math.max(1e-9, allowed + denied))}`}
        />
        {limiter.wouldDeny !== undefined && (
          <Figure value={figure(limiter.wouldDeny)} unit="/s" label={w('would be denied')} />
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
          times={state.past.times}
          lines={[
            { values: passed, tone: 'data' },
            { values: refused, tone: 'bad' },
          ]}
          now={state.at}
          since={trouble?.since}
          height={90}
          usual={false}
          axis
          label={`${name}: ${figure(allowed)} ${w('allowed')}, ${figure(denied)} ${w('denied')}`}
        />
      </div>
      <div class="block" {...hold}>
        <h2>
          {w('Denied most')}{' '}
          <small>
            {either('counted since you opened this page', 'считается с открытия страницы')}
            {limiter.top ? `, ± ${figure(limiter.top.error)}/s` : ''}
          </small>{' '}
          <Pill moved={moved} release={release} />
        </h2>
        <table>
          <thead>
            <tr>
              <th scope="col">{w('Key')}</th>
              <th scope="col" class="num">
                {w('Denied')}/s
              </th>
              <th scope="col" class="wide">
                {w('Share')}
              </th>
              <th scope="col" class="num">
                {w('Retry after')}
              </th>
              <th scope="col" class="num wide">
                {w('Since')}
              </th>
              <th scope="col">
                <span class="hidden">{w('Block')}</span>
              </th>
            </tr>
          </thead>
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
                  {mayAct() && !blocked && (
                    <a href={link('limiters', name, 'keys', key)}>{w('Block…')}</a>
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
          <p class="none">{either('Nobody is denied.', 'Никому не отказано.')}</p>
        )}
        <form
          class="line"
          onSubmit={(event) => {
            event.preventDefault()
            location.hash = link('limiters', name, 'keys', look)
          }}
        >
          <label>
            {either('Look at a key', 'Посмотреть ключ')}{' '}
            <input value={look} onInput={(event) => setLook(event.currentTarget.value)} />
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

function WhatIf({ name, state }: { name: string; state: State }): JSX.Element | null {
  const limiter = state.limiters[name]
  const fields = numbersOf(limiter?.quota)
  const [wanted, setWanted] = useState(() =>
    Object.fromEntries(
      fields.map(([field, value]) => [field, String(field === 'rate' ? value * 2 : value)]),
    ),
  )
  if (limiter === undefined) return null
  const trial = limiter.whatIf
  const judge = async (event: Event) => {
    event.preventDefault()
    try {
      await act(`${path(name)}/whatif`, {
        quota: Object.fromEntries(fields.map(([field]) => [field, Number(wanted[field])])),
      })
    } catch (error) {
      tell((error as Error).message, undefined, true)
    }
  }
  const [, refused = []] = state.past.series[`limiter/${name}`] ?? []
  const would = new Map(trial?.series.map(([at, value]) => [Math.round(at / 5000), value]))
  return (
    <div class="block whatif">
      <h2>
        <Mark level="shadow" />
        <span class="what">{w('What if')}</span>{' '}
        <small>
          {trial
            ? either(
                `judged in shadow on live calls for ${span((state.at - trial.since) / 1000)}. Nobody is refused by it.`,
                `проверяется на живых вызовах ${span((state.at - trial.since) / 1000)}. Никому не отказывает.`,
              )
            : either(
                'a limit judged in shadow on live calls. Nobody is refused by it.',
                'лимит проверяется в тени на живых вызовах. Никому не отказывает.',
              )}
        </small>
        {trial && (
          <Act
            kind="plain"
            onClick={() => void doNow(w('Stop'), `${path(name)}/whatif`, { stop: true })}
          >
            {w('Stop')}
          </Act>
        )}
      </h2>
      {mayAct() && (
        <form class="line" onSubmit={(event) => void judge(event)}>
          {fields.map(([field]) => (
            <label key={field}>
              {field === 'per' ? 'per, s' : field}{' '}
              <input
                class="short"
                inputMode="decimal"
                value={wanted[field]}
                onInput={(event) => setWanted({ ...wanted, [field]: event.currentTarget.value })}
              />
            </label>
          ))}
          <button type="submit" disabled={store.lost !== undefined}>
            {w('Judge this')}
          </button>
        </form>
      )}
      {trial && (
        <>
          <div class="split">
            <Chart
              times={state.past.times}
              lines={[
                { values: refused, tone: 'bad' },
                {
                  values: state.past.times.map((at) => would.get(Math.round(at / 5000)) ?? null),
                  tone: 'whatline',
                  dashed: true,
                  fill: false,
                },
              ]}
              now={state.at}
              height={60}
              usual={false}
              label={either(
                `Denied ${figure(trial.denied)} a second, would be denied ${figure(trial.wouldDeny)}`,
                `Отказано ${figure(trial.denied)}, было бы ${figure(trial.wouldDeny)}`,
              )}
            />
            <dl>
              <dt>{w('Denied')}</dt>
              <dd>
                {figure(trial.denied)} → <b class="what">{figure(trial.wouldDeny)}/s</b>
              </dd>
              <dt>{either('Keys denied', 'Ключей')}</dt>
              <dd>
                {figure(trial.keys)} → <b class="what">{figure(trial.wouldDenyKeys)}</b>
              </dd>
              <dt>{either('Let through besides', 'Пропущено сверх')}</dt>
              <dd>
                {trial.besides >= 0 ? '+ ' : ''}
                {figure(trial.besides)}/s
              </dd>
              <dt>{either('Same answer', 'Тот же ответ')}</dt>
              <dd>
                {percent(trial.agree / Math.max(1, trial.calls))} {either('of', 'из')}{' '}
                {figure(trial.calls)}
              </dd>
            </dl>
          </div>
          <p class="foot line">
            <span>
              {either(
                'It began without a past: it is generous at first.',
                'Начат без прошлого: сначала щедрее.',
              )}
            </span>
            <Act kind="primary" onClick={() => changeLimit(name, trial.quota)}>
              {either(`Apply ${quota(trial.quota)}…`, `Применить ${quota(trial.quota)}…`)}
            </Act>
          </p>
        </>
      )}
    </div>
  )
}

// biome-ignore lint/suspicious/noExplicitAny: as the server answers.
type KeyAnswer = any

function Key({ name, id, state }: { name: string; id: string; state: State }): JSX.Element {
  const [answer, setAnswer] = useState<KeyAnswer>()
  const [duration, setDuration] = useState('10m')
  const [tokens, setTokens] = useState('1')
  useEffect(() => {
    let open = true
    const look = () =>
      ask(`${path(name)}/keys/${encodeURIComponent(id)}`).then(
        (said) => open && setAnswer(said),
        () => {},
      )
    void look()
    const timer = setInterval(() => {
      if (!document.hidden) void look()
    }, 1000)
    return () => {
      open = false
      clearInterval(timer)
    }
  }, [name, id])
  const done = state.happened.filter(
    (each) => each.kind === 'limiter' && each.name === name && each.target === id,
  )
  return (
    <aside class="panel main">
      <header>
        <p>{either(`Key of ${name}`, `Ключ ${name}`)}</p>
        <h1>
          <code>{id === '' ? "''" : id}</code>
        </h1>
        <a class="acts" href={link('limiters', name)}>
          {either('Close', 'Закрыть')}
        </a>
      </header>
      {answer && (
        <div class="block">
          <h2>
            <Mark level={answer.allowed ? 'fine' : 'bad'} />
            {w(answer.allowed ? 'The next call passes' : 'The next call is denied')}{' '}
            <small>
              {either('asked just now, costs nothing', 'спрошено сейчас, ничего не стоит')}
            </small>
          </h2>
          <Bar
            share={answer.remaining / Math.max(1, answer.limit)}
            tone={answer.allowed ? 'data' : 'bad'}
          />
          <dl>
            <dt>{either('Left', 'Осталось')}</dt>
            <dd>
              <b>{figure(answer.remaining)}</b> {either('of', 'из')} {figure(answer.limit)}
            </dd>
            <dt>{w('Retry after')}</dt>
            <dd>{span(answer.retryAfter)}</dd>
            <dt>{either('Full again after', 'Снова полон через')}</dt>
            <dd>{span(answer.resetAfter)}</dd>
            {answer.denied && (
              <>
                <dt>{w('Denied')}</dt>
                <dd>
                  {figure(answer.denied.rate)}/s, {w('Since').toLowerCase()}{' '}
                  <At at={answer.denied.since} />
                </dd>
              </>
            )}
            <dt>{either('Blocked from here', 'Заблокирован отсюда')}</dt>
            <dd>
              {answer.blocked ? (
                <>
                  {either('until', 'до')} <At at={answer.blocked.until} /> {answer.blocked.by}
                </>
              ) : (
                either('no', 'нет')
              )}
            </dd>
          </dl>
        </div>
      )}
      {mayAct() && (
        <div class="block">
          <div class="deed">
            <span>
              <b>{w('Block')}</b>
              <small>
                {either(
                  'every call is denied, whatever is left',
                  'каждому вызову отказ, сколько бы ни осталось',
                )}
              </small>
            </span>
            <select
              aria-label={w('For')}
              value={duration}
              onChange={(event) => setDuration(event.currentTarget.value)}
            >
              {['1m', '10m', '1h', '1d'].map((each) => (
                <option key={each}>{each}</option>
              ))}
            </select>
            <Act
              kind="danger"
              onClick={() =>
                void doNow(
                  either(`${id} is blocked for ${duration}`, `${id} заблокирован на ${duration}`),
                  `${path(name)}/block`,
                  { key: id, duration },
                  { path: `${path(name)}/unblock`, body: { key: id } },
                )
              }
            >
              {w('Block')}
            </Act>
            {answer?.blocked && (
              <Act onClick={() => void doNow(w('Unblock'), `${path(name)}/unblock`, { key: id })}>
                {w('Unblock')}
              </Act>
            )}
          </div>
          <div class="deed">
            <span>
              <b>{w('Give back')}</b>
              <small>{either('tokens, never above the limit', 'токены, не выше лимита')}</small>
            </span>
            <input
              class="short"
              aria-label={w('Give back')}
              inputMode="decimal"
              value={tokens}
              onInput={(event) => setTokens(event.currentTarget.value)}
            />
            <Act
              onClick={() =>
                void doNow(w('Give back'), `${path(name)}/release`, {
                  key: id,
                  tokens: Number(tokens),
                })
              }
            >
              {w('Give')}
            </Act>
          </div>
          <div class="deed">
            <span>
              <b>{w('Forget')}</b>
              <small>{either('what it used, and its block', 'израсходованное и блокировку')}</small>
            </span>
            <Act onClick={() => forget(name, id)}>{w('Forget…')}</Act>
          </div>
        </div>
      )}
      <div class="block">
        <h2>{either('Done to this key', 'Сделано с ключом')}</h2>
        {done.length === 0 ? (
          <p class="none">
            {either(
              'Nothing yet. Actions are told as events, with who did them and why.',
              'Пока ничего. Действия записываются: кто и почему.',
            )}
          </p>
        ) : (
          <ol class="happened">
            {done.map((each) => (
              <li key={each.id}>
                <Told each={each} />
              </li>
            ))}
          </ol>
        )}
      </div>
    </aside>
  )
}
