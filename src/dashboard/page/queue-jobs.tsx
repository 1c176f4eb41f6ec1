import type { JSX } from 'preact'
import { cancelJob, redrive, removeJob } from './confirmed-actions.ts'
import { matches } from './filter.ts'
import { since as ago } from './format.ts'
import { Act, filled } from './permission.tsx'
import { type Answer, answerTo, pathTo } from './server.ts'
import { change, link, place, store } from './store.ts'
import { Head } from './table-head.tsx'
import { At } from './time-label.tsx'
import { either, w } from './words.ts'

/** How many jobs are listed at once. */
const PAGE = 20

/** The list that was seen last: the page of a job goes on through it. */
let seen: { name: string; ids: string[] } = { name: '', ids: [] }

/** The jobs before and after one, in the list that it was opened from. */
export function neighbours(name: string, id: string): [string | undefined, string | undefined] {
  const at = seen.name === name ? seen.ids.indexOf(id) : -1
  return at < 0 ? [undefined, undefined] : [seen.ids[at - 1], seen.ids[at + 1]]
}

/** The jobs of a queue in one state, page by page. */
export function QueueJobs({ name, chosen }: { name: string; chosen: string }): JSX.Element {
  const { filter, from } = place()
  const cursor = from && `&cursor=${encodeURIComponent(from)}`
  const jobs = answerTo(`${pathTo('queues', name, 'jobs')}?state=${chosen}&limit=${PAGE}${cursor}`)
  const list = (jobs?.jobs ?? []).filter((job: Answer) =>
    matches(filter, name, job.id, job.group, job.error?.message, job.error?.code),
  )
  seen = { name, ids: list.map((job: Answer) => job.id) }
  return (
    <div class="block">
      <table class="jobs">
        <Head
          names={[
            ['Job'],
            ['Group', 'wide'],
            ['Attempts', 'num'],
            ['Put', 'num wide'],
            chosen === 'dead' && ['Died', 'num wide'],
            ['Last error'],
            ['Details.', 'acts'],
          ]}
        />
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
        <p class="none">{either('No job is in this state.', 'В этом состоянии задач нет.')}</p>
      )}
      <form
        class="line"
        onSubmit={(event) => {
          const { id } = filled(event)
          if (id) location.hash = link('queues', name, 'jobs', id)
        }}
      >
        {from !== '' && (
          <button type="button" onClick={() => change({ from: '' })}>
            {either('First', 'Сначала')}
          </button>
        )}
        {jobs?.cursor && (
          <button type="button" onClick={() => change({ from: jobs.cursor })}>
            {either('Next', 'Дальше')} {PAGE}
          </button>
        )}
        <label>
          {either('Look at a job, by its id', 'Задача по id')} <input name="id" />
        </label>
        <button type="submit">{either('Look', 'Посмотреть')}</button>
      </form>
    </div>
  )
}
