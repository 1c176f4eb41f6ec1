import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import { Act } from './act.tsx'
import { type Answer, useAnswer } from './answer.ts'
import { At } from './at.tsx'
import { matches } from './filter.ts'
import { since as ago } from './format.ts'
import { cancelJob, redrive, removeJob } from './questions.ts'
import { link, place, store } from './store.ts'
import { either, w } from './words.ts'

/** How many jobs are listed at once. */
const PAGE = 20

/** The jobs of a queue in one state, page by page. */
export function QueueJobs({ name, chosen }: { name: string; chosen: string }): JSX.Element {
  const [cursor, setCursor] = useState('')
  const [id, setId] = useState('')
  const { filter } = place()
  const from = cursor && `&cursor=${encodeURIComponent(cursor)}`
  const jobs = useAnswer(
    `queues/${encodeURIComponent(name)}/jobs?state=${chosen}&limit=${PAGE}${from}`,
  )
  const list = (jobs?.jobs ?? []).filter((job: Answer) =>
    matches(filter, name, job.id, job.group, job.error?.message, job.error?.code),
  )
  return (
    <div class="block">
      <table class="jobs">
        <thead>
          <tr>
            <th scope="col">{either('Job', 'Задание')}</th>
            <th scope="col" class="wide">
              {w('Group')}
            </th>
            <th scope="col" class="num">
              {w('Attempts')}
            </th>
            <th scope="col" class="num wide">
              {w('Put')}
            </th>
            {chosen === 'dead' && (
              <th scope="col" class="num wide">
                {either('Died', 'Умерло')}
              </th>
            )}
            <th scope="col">{w('Last error')}</th>
            <th scope="col">
              <span class="hidden">{w('Details')}</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {list.map((job: Answer) => (
            <tr key={job.id}>
              <td>
                <a class="row" href={link('queues', name, 'jobs', job.id)}>
                  <code>{job.id}</code>
                </a>
              </td>
              <td class="wide">{job.group}</td>
              <td class="num">{job.attempts}</td>
              <td class="num wide">
                <At at={job.createdAt} />
              </td>
              {chosen === 'dead' && (
                <td class="num wide">
                  <At at={job.endedAt} text={ago(job.endedAt, store.state?.at ?? 0)} />
                </td>
              )}
              <td class="error">
                {job.error && (
                  <>
                    {job.error.code} {job.error.message}
                  </>
                )}
              </td>
              <td class="acts">
                {job.state === 'dead' ? (
                  <Act kind="plain" onClick={() => redrive(name, 1, undefined, job.id)}>
                    {w('Redrive…')}
                  </Act>
                ) : (
                  job.state !== 'completed' && (
                    <Act
                      kind="plain"
                      onClick={() => cancelJob(name, job.id, job.state === 'running')}
                    >
                      {w('Cancel…')}
                    </Act>
                  )
                )}
                {job.state !== 'running' && (
                  <Act kind="plain" onClick={() => removeJob(name, job.id)}>
                    {w('Remove…')}
                  </Act>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {jobs?.error && <p class="none">{jobs.error}</p>}
      {jobs?.jobs && list.length === 0 && (
        <p class="none">{either('No job is in this state.', 'В этом состоянии заданий нет.')}</p>
      )}
      <form
        class="line"
        onSubmit={(event) => {
          event.preventDefault()
          if (id) location.hash = link('queues', name, 'jobs', id)
        }}
      >
        {cursor !== '' && (
          <button type="button" onClick={() => setCursor('')}>
            {either('First', 'Сначала')}
          </button>
        )}
        {jobs?.cursor && (
          <button type="button" onClick={() => setCursor(jobs.cursor)}>
            {either('Next', 'Дальше')} {PAGE}
          </button>
        )}
        <label>
          {either('Look at a job, by its id', 'Задание по id')}{' '}
          <input value={id} onInput={(event) => setId(event.currentTarget.value)} />
        </label>
        <button type="submit">{either('Look', 'Посмотреть')}</button>
      </form>
    </div>
  )
}
