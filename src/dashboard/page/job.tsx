import type { JSX } from 'preact'
import { Act } from './act.tsx'
import { At } from './at.tsx'
import { since as ago, span, time } from './format.ts'
import { Head } from './head.tsx'
import { Mark } from './mark.tsx'
import { cancelJob, redrive, removeJob } from './questions.ts'
import { type Answer, answerTo } from './server.ts'
import { link, type State } from './store.ts'
import { either, w } from './words.ts'

/** What one job does, in Russian. */
const STATES: Record<string, string> = {
  waiting: 'ждёт',
  delayed: 'отложено',
  running: 'выполняется',
  dead: 'мёртвое',
  completed: 'готово',
}

const path = (name: string) => `queues/${encodeURIComponent(name)}`

export function Job({ name, id, state }: { name: string; id: string; state: State }): JSX.Element {
  const job = answerTo(`${path(name)}/jobs/${encodeURIComponent(id)}`)
  const back = (
    <p class="crumbs">
      <a href={link('queues', name)}>{name}</a> / {job?.state ?? ''}
    </p>
  )
  if (!job || !job.id)
    return (
      <>
        {back}
        <p class="panel none">
          {job === null
            ? either('There is no such job any more.', 'Такого задания больше нет.')
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
            {said}{' '}
            {job.endedAt && (
              <>
                <At at={job.endedAt} />, {ago(job.endedAt, state.at)}
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
              <p class="none">{either('It has not begun.', 'Ещё не начато.')}</p>
            )}
          </div>
        </div>
        <div class="two-blocks">
          <div class="block">
            <h2>{w('Facts')}</h2>
            <dl class="facts">
              <dt>{w('State')}</dt>
              <dd>{said}</dd>
              <dt>{either('Priority', 'Приоритет')}</dt>
              <dd>{job.priority}</dd>
              {job.group && (
                <>
                  <dt>{w('Group')}</dt>
                  <dd>{job.group}</dd>
                </>
              )}
              <dt>{w('Attempts')}</dt>
              <dd>{job.attempts}</dd>
              <dt>{either('Deliveries', 'Выдач')}</dt>
              <dd>{job.deliveries}</dd>
              <dt>{w('Put')}</dt>
              <dd>
                <At at={job.createdAt} />
              </dd>
              {job.dueAt && (
                <>
                  <dt>{either('Due', 'Срок')}</dt>
                  <dd>
                    <At at={job.dueAt} />
                  </dd>
                </>
              )}
            </dl>
          </div>
          <div class="block">
            <h2>{w('Attempts')}</h2>
            <table>
              <Head names={[['Began'], ['Took', 'num'], ['Ended with']]} />
              <tbody>
                {tries.toReversed().map(({ startedAt, endedAt, error }) => (
                  <tr key={startedAt}>
                    <td>
                      <At at={startedAt} />
                    </td>
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
        <div class="block">
          <h2>{w('Payload')}</h2>
          {job.shown !== undefined ? (
            <pre>{job.shown}</pre>
          ) : (
            <>
              <p>
                {either(
                  'Hidden: this page has not been told what may be seen. In code:',
                  'Скрыто: странице не сказано, что можно показывать. В коде:',
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
      </section>
    </>
  )
}
