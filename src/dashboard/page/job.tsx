import { type ComponentChildren, Fragment, type JSX } from 'preact'
import { cancelJob, redrive, removeJob } from './confirmed-actions.ts'
import { since as ago, span, time } from './format.ts'
import { Mark } from './mark.tsx'
import { Act } from './permission.tsx'
import { neighbours } from './queue-jobs.tsx'
import { type Answer, answerTo, pathTo } from './server.ts'
import { link, type State } from './store.ts'
import { Head } from './table-head.tsx'
import { At } from './time-label.tsx'
import { either, w } from './words.ts'

/** What one job does, in Russian. */
const STATES: Record<string, string> = {
  waiting: 'ждёт',
  delayed: 'отложено',
  running: 'выполняется',
  dead: 'мёртвое',
  completed: 'готово',
}

export function Job({ name, id, state }: { name: string; id: string; state: State }): JSX.Element {
  const job = answerTo(`${pathTo('queues', name, 'jobs', id)}?gone=null`)
  const [before, after] = neighbours(name, id)
  const step = (text: string, key: string, to: string | undefined) =>
    to !== undefined && (
      <a class={`step ${key}`} href={link('queues', name, 'jobs', to)}>
        {text} <kbd>{key}</kbd>{' '}
      </a>
    )
  const back = (
    <p class="crumbs">
      <span>
        <a href={link('queues', name)}>{name}</a> / {job?.state ?? ''}
      </span>
      <span>
        {step(either('before', 'раньше'), 'k', before)}
        {step(either('after', 'дальше'), 'j', after)}
      </span>
    </p>
  )
  if (!job?.id)
    return (
      <>
        {back}
        <p class="panel none">
          {job === null
            ? either('There is no such job any more.', 'Такой задачи больше нет.')
            : (job?.error ?? '…')}
        </p>
      </>
    )
  const end = job.endedAt ?? state.at
  const begin = job.createdAt
  const whole = Math.max(1, end - begin)
  const x = (at: number) => ((at - begin) / whole) * 1000
  const tries: Answer[] = job.tries ?? []
  const bars = tries.map((each, i) => ({
    label: `${either('Attempt', 'Попытка')} ${job.attempts - tries.length + i + 1}`,
    from: tries[i - 1]?.endedAt ?? begin,
    ...each,
  }))
  const worked = tries.reduce((sum, { startedAt, endedAt }) => sum + endedAt - startedAt, 0)
  const said = either(job.state, STATES[job.state] ?? job.state)
  const moment = (at: number | undefined) => at && <At at={at} />
  const facts: [string, ComponentChildren][] = [
    [w('State'), said],
    [either('Priority', 'Приоритет'), job.priority],
    [w('Group'), job.group],
    [w('Attempts'), job.attempts],
    [either('Deliveries', 'Выдач'), job.deliveries],
    [w('Put'), moment(job.createdAt)],
    [either('Due', 'Срок'), moment(job.dueAt)],
    [either('Kept until', 'Хранится до'), moment(job.keptUntil)],
    [either('Trace', 'Трасса'), job.trace && <code>{job.trace}</code>],
  ]
  const placed = tries.some(({ by }) => by)
  const level = job.state === 'dead' ? 'bad' : 'fine'
  return (
    <>
      {back}
      <section class="panel main">
        <header>
          <h1>
            <Mark level={level} />
            <code>{job.id}</code>
          </h1>
          <p>
            {said}
            {job.endedAt && (
              <>
                {job.state === 'dead' ? either(' since ', ' с ') : either(' at ', ' в ')}
                <At at={job.endedAt} />, {ago(job.endedAt, state.at)},{' '}
                {either(
                  `${job.attempts} attempts in ${span(whole / 1000)}`,
                  `попыток: ${job.attempts}, за ${span(whole / 1000)}`,
                )}
              </>
            )}
            {job.error && (
              <>
                : <code>{job.error.code ?? job.error.name}</code> {job.error.message}
              </>
            )}
          </p>
          <div class="acts">
            {job.state === 'dead' && (
              <Act kind="primary" onClick={() => redrive(name, 1, undefined, id)}>
                {w('Redrive…')}
              </Act>
            )}
            {job.state !== 'dead' && job.state !== 'completed' && (
              <Act onClick={() => cancelJob(name, id, job.state === 'running')}>{w('Cancel…')}</Act>
            )}
            {job.state !== 'running' && (
              <Act kind="danger" onClick={() => removeJob(name, id)}>
                {w('Remove…')}
              </Act>
            )}
          </div>
        </header>
        <div class="block">
          <h2>
            {w('From put to end')}{' '}
            <small>
              {span(whole / 1000)},{' '}
              {either(
                `of which ${span(worked / 1000)} were work`,
                `из них работа ${span(worked / 1000)}`,
              )}
            </small>
          </h2>
          <div class="timeline">
            <div aria-hidden="true">
              <span />
              <div class="axis">
                <span>{time(begin)}</span>
                <span>{time(end)}</span>
              </div>
              <span />
            </div>
            {bars.map(({ label, from, startedAt, endedAt, error }) => (
              <div key={label}>
                <span>{label}</span>
                <svg
                  viewBox="0 0 1000 14"
                  preserveAspectRatio="none"
                  role="img"
                  aria-label={`${label}: ${span((endedAt - startedAt) / 1000)}`}
                >
                  <path class="grid" d="M250 0V14M500 0V14M750 0V14M0 13.5H1000" />
                  <rect
                    class="fill-usual"
                    x={x(from)}
                    y="2"
                    width={Math.max(0, x(startedAt) - x(from))}
                    height="10"
                  />
                  <rect
                    class={error ? 'fill-bad' : 'fill-data'}
                    x={x(startedAt)}
                    y="2"
                    width={Math.max(2, x(endedAt) - x(startedAt))}
                    height="10"
                  />
                </svg>
                <span>{span((endedAt - startedAt) / 1000)}</span>
              </div>
            ))}
            {bars.length === 0 && (
              <p class="none">{either('It has not begun.', 'Ещё не начата.')}</p>
            )}
          </div>
        </div>
        <div class="two-blocks">
          <div class="block">
            <h2>{w('Facts')}</h2>
            <dl class="facts">
              {facts.map(
                ([label, fact]) =>
                  fact !== undefined && (
                    <Fragment key={label}>
                      <dt>{label}</dt>
                      <dd>{fact}</dd>
                    </Fragment>
                  ),
              )}
            </dl>
          </div>
          <div class="block">
            <h2>{w('Attempts')}</h2>
            <table>
              <Head
                names={[
                  ['Began'],
                  placed && (['Where', 'wide'] as const),
                  ['Took', 'num'],
                  ['Ended with'],
                ]}
              />
              <tbody>
                {tries.toReversed().map(({ startedAt, endedAt, error, by }) => (
                  <tr key={startedAt}>
                    <td>
                      <At at={startedAt} />
                    </td>
                    {placed && <td class="wide">{by}</td>}
                    <td class="num">{span((endedAt - startedAt) / 1000)}</td>
                    <td>
                      {error ? (
                        <>
                          <code>{error.code ?? error.name}</code> {error.message}
                        </>
                      ) : (
                        'ok'
                      )}
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        </div>
        <div class={job.error?.stack ? 'two-blocks' : ''}>
          <div class="block">
            <h2>{w('Payload')}</h2>
            {job.shown !== undefined ? (
              <pre>{job.shown}</pre>
            ) : (
              <>
                <p>
                  {either(
                    'Hidden, because the option show of the dashboard is not set. In code:',
                    'Скрыто: у панели не задана опция show. В коде:',
                  )}
                </p>
                <pre>
                  {
                    'dashboard({\n  queues: [receipts],\n  // shows two fields, nothing else\n  show: (job) => `order ${job.item.order}, shop ${job.item.shop}`,\n})'
                  }
                </pre>
              </>
            )}
          </div>
          {job.error?.stack && (
            <div class="block">
              <h2>
                {w('Last error')}
                <button
                  type="button"
                  class="plain"
                  onClick={() => void navigator.clipboard.writeText(job.error.stack)}
                >
                  {either('Copy', 'Копировать')}
                </button>
              </h2>
              <pre class="stack">{job.error.stack}</pre>
            </div>
          )}
        </div>
      </section>
    </>
  )
}
