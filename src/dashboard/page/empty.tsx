import type { JSX } from 'preact'
import { store } from './store.ts'
import { either, w } from './words.ts'

const VIEW_OF = {
  limiters: 'Limiters',
  queues: 'Queues',
  breakers: 'Breakers',
  schedules: 'Schedules',
}

/** What would be in a view that has nothing yet, and how to get it. */
export function Empty({
  title,
  text,
  code,
}: {
  title: string
  text: string
  code: string
}): JSX.Element {
  const { state } = store
  const sees =
    state === undefined
      ? []
      : (['limiters', 'queues', 'breakers', 'schedules'] as const)
          .map((kind) => [Object.keys(state[kind]).length, kind] as const)
          .filter(([count]) => count > 0)
  return (
    <section class="empty">
      <svg viewBox="0 0 480 60" aria-hidden="true" class="sketch">
        <path d="M10 24H120M10 36H120M120 12H230V48H120ZM230 30H250M250 18H350V42H250ZM300 18V42M350 24H470M350 36H470" />
      </svg>
      <h1>{title}</h1>
      <p>{text}</p>
      <pre>{code}</pre>
      <p>
        {either(
          'Or look at all that lives in a Redis, from anywhere:',
          'Или смотрите всё, что есть в Redis:',
        )}
      </p>
      <pre>npx aioflux dashboard --redis redis://localhost:6379</pre>
      {sees.length > 0 && (
        <p>
          {either('This page sees', 'Эта страница видит')}{' '}
          {sees.map(([count, kind]) => `${w(VIEW_OF[kind])}: ${count}`).join(', ')}.
        </p>
      )}
    </section>
  )
}
