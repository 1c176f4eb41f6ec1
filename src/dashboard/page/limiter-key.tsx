import type { JSX } from 'preact'
import { Bar } from './bar.tsx'
import { Chart } from './chart.tsx'
import { forget } from './confirmed-actions.ts'
import { figure, PER_SECOND, span } from './format.ts'
import { Told } from './happened.tsx'
import { Mark } from './mark.tsx'
import { doNow } from './notice.tsx'
import { Act, filled, mayAct } from './permission.tsx'
import { answerTo, pathTo } from './server.ts'
import { link, type State } from './store.ts'
import { At } from './time-label.tsx'
import { either, w } from './words.ts'

export function Key({ name, id, state }: { name: string; id: string; state: State }): JSX.Element {
  const answer = answerTo(pathTo('limiters', name, 'keys', id), 900)
  const path = (verb: string) => pathTo('limiters', name, verb)
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
      {answer?.limit !== undefined && (
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
                  {figure(answer.denied.rate)}
                  {PER_SECOND}, {w('Since').toLowerCase()} <At at={answer.denied.since} />
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
      {answer?.denied?.past.length > 1 && (
        <div class="block">
          <h2>{w('Denied a second')}</h2>
          <Chart
            lines={[
              {
                values: answer.denied.past.map(([, rate]: [number, number]) => rate),
                times: answer.denied.past.map(([at]: [number, number]) => at),
                tone: 'bad',
              },
            ]}
            height={44}
            axis
            label={`${w('Denied a second')}: ${figure(answer.denied.rate)}`}
          />
        </div>
      )}
      {mayAct() && (
        <div class="block">
          <form
            class="deed"
            onSubmit={(event) => {
              const { duration } = filled(event)
              void doNow(
                either(`${id} is blocked for ${duration}`, `${id} заблокирован на ${duration}`),
                path('block'),
                { key: id, duration },
                { path: path('unblock'), body: { key: id } },
              )
            }}
          >
            <span>
              <b>{w('Block')}</b>
              <small>
                {either(
                  'every call is denied, even when the limit has room',
                  'каждому вызову отказ, сколько бы ни осталось',
                )}
              </small>
            </span>
            <select aria-label={w('For')} name="duration">
              {['10m', '1m', '1h', '1d'].map((each) => (
                <option key={each}>{each}</option>
              ))}
            </select>
            <Act kind="danger">{w('Block')}</Act>
            {answer?.blocked && (
              <Act onClick={() => void doNow(w('Unblock'), path('unblock'), { key: id })}>
                {w('Unblock')}
              </Act>
            )}
          </form>
          <form
            class="deed"
            onSubmit={(event) =>
              void doNow(w('Give back'), path('release'), {
                key: id,
                tokens: Number(filled(event)['tokens']),
              })
            }
          >
            <span>
              <b>{w('Give back')}</b>
              <small>{either('tokens, never above the limit', 'токены, не выше лимита')}</small>
            </span>
            <input
              class="short"
              aria-label={w('Give back')}
              inputMode="decimal"
              name="tokens"
              defaultValue="1"
            />
            <Act>{w('Give')}</Act>
          </form>
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
              'Nothing yet. Each action is kept as an event, with the name of the user and the reason.',
              'Пока ничего. Каждое действие записывается событием, с именем пользователя и причиной.',
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
