import type { JSX } from 'preact'
import type { Trouble } from '../state.ts'
import { past } from './chart-range.ts'
import { closeNow, isolate, pauseQueue } from './confirmed-actions.ts'
import { age, figure, PER_SECOND, percent, span, time } from './format.ts'
import { Act } from './permission.tsx'
import { link, type State } from './store.ts'
import { either, w } from './words.ts'

interface Row {
  says: (JSX.Element | string)[]
  value: string
  unit?: string
  label: string
  lines: { values: readonly (number | null)[] }[]
  /** Which figure of the part it draws. */
  figure?: number
  most?: number
  actions?: JSX.Element
}

/** What was usual, in brackets; '' where that is not known. */
function usually({ usual }: Trouble, which: number): string {
  const middle = usual?.[which]?.[1]
  return middle === undefined ? '' : ` (${w('usually')} ${span(middle)})`
}

export function rowOf(trouble: Trouble, state: State): Row {
  const { kind, name, code } = trouble
  const series = past().series[`${kind}/${name}`] ?? []
  const lines = series[0] ? [{ values: series[0] }] : []
  const now = state.at
  if (kind === 'breaker') {
    const {
      calls = 0,
      failedOf = 0,
      error,
      retryAfter,
      refused,
      inARow = 0,
    } = state.breakers[name] ?? {}
    const failed =
      calls > 0
        ? either(
            `${failedOf} of the last ${calls} calls failed. `,
            `${failedOf} из последних ${calls} вызовов неудачны. `,
          )
        : inARow > 0
          ? either(`${inARow} failures in a row. `, `${inARow} неудач подряд. `)
          : ''
    return {
      says: [
        code === 'open'
          ? either('Open. ', 'Разомкнут. ')
          : either('Half open: only probes pass. ', 'Проходят только пробы. '),
        failed,
        error ? <code>{error}</code> : '',
        error ? '. ' : '',
        retryAfter
          ? either(
              `Next probe in ${span(retryAfter)}.`,
              `Следующая проба через ${span(retryAfter)}.`,
            )
          : '',
      ],
      value: figure(refused),
      unit: PER_SECOND,
      label: w('calls refused'),
      lines,
      most: 2,
      actions: (
        <>
          <Act onClick={() => isolate(name)}>{w('Isolate…')}</Act>
          <Act onClick={() => closeNow(name)}>{w('Close now…')}</Act>
        </>
      ),
    }
  }
  if (kind === 'queue') {
    const queue = state.queues[name]
    const {
      put = 0,
      done = 0,
      died = 0,
      running = 0,
      workers,
      run,
      dead = 0,
      waiting = 0,
      oldest = 0,
      failure,
    } = queue ?? {}
    if (failure !== undefined || queue === undefined)
      return { says: [failure ?? ''], value: '–', label: w('unreachable'), lines }
    const grows = put - done - died
    return {
      says: [
        grows > 0.05 ? either(`Grows ${figure(grows)}/s: `, `Растёт на ${figure(grows)}/с: `) : '',
        either(
          `${figure(put)}/s put, ${figure(done)}/s done. `,
          `${figure(put)}/с положено, ${figure(done)}/с готово. `,
        ),
        queue.processes === 0
          ? either('No process works on it. ', 'С ней никто не работает. ')
          : '',
        workers !== undefined && running >= workers
          ? either(`All ${workers} workers busy. `, `Заняты все ${workers}. `)
          : '',
        run !== undefined
          ? either(
              `A run takes ${span(run)}${usually(trouble, 3)}. `,
              `Выполнение длится ${span(run)}${usually(trouble, 3)}. `,
            )
          : '',
        dead > 0 ? either(`${figure(dead)} dead.`, `Мёртвых: ${figure(dead)}.`) : '',
      ],
      value: age(oldest),
      label: `${w('oldest of')} ${figure(waiting)}`,
      lines,
      actions: (
        <>
          <Act onClick={() => pauseQueue(name, queue)}>{w('Pause…')}</Act>
          <a class="button" href={link('queues', name)}>
            {w('Workers…')}
          </a>
        </>
      ),
    }
  }
  if (kind === 'limiter') {
    const { allowed = 0, denied = 0, top } = state.limiters[name] ?? {}
    const list = top?.list.slice(0, 3) ?? []
    const theirs = list.reduce((sum, { rate }) => sum + rate, 0)
    const [first] = list
    const rest = Math.max(0, (top?.keys ?? 0) - list.length)
    return {
      says: first
        ? [
            either(
              `${percent(Math.min(1, theirs / Math.max(denied, theirs)))} of the denials hit ${list.length === 1 ? 'one key' : `${list.length} keys`}: mostly `,
              `${percent(Math.min(1, theirs / Math.max(denied, theirs)))} отказов по ключам (${list.length}); больше всего: `,
            ),
            <code>{first.key}</code>,
            `, ${figure(first.rate)}${PER_SECOND}. `,
            rest > 0
              ? either(
                  `${rest}${top?.more ? ' or more' : ''} other keys are denied now and then.`,
                  `Других ключей изредка: ${rest}.`,
                )
              : '',
          ]
        : [],
      value: figure(denied),
      unit: PER_SECOND,
      label: `${w('denied')}, ${percent(denied / Math.max(1e-9, allowed + denied))} ${w('of calls')}`,
      lines: series[1] ? [{ values: series[1] }] : [],
      figure: 1,
      actions: (
        <>
          {first && (
            <a class="button" href={link('limiters', name, 'keys', first.key)}>
              {w('Block…')}
            </a>
          )}
          <a class="button" href={link('limiters', name)}>
            {w('What if…')}
          </a>
        </>
      ),
    }
  }
  if (kind === 'schedule') {
    const { recent = [], error } = state.schedules[name] ?? {}
    const run = recent.find(({ outcome }) => outcome === 'running')
    const skipped = recent.filter(
      ({ outcome, at }) => outcome === 'skipped' && run !== undefined && at >= run.at,
    ).length
    return code === 'skipped'
      ? {
          says: run
            ? [
                either(
                  `The run of ${time(run.at)} goes on, ${span((now - run.at) / 1000)} so far${usually(trouble, 0)}.`,
                  `Запуск ${time(run.at)} идёт уже ${span((now - run.at) / 1000)}${usually(trouble, 0)}.`,
                ),
              ]
            : [],
          value: String(skipped),
          label: w('runs skipped'),
          lines,
        }
      : { says: [error ?? ''], value: '✕', label: w('Failed'), lines }
  }
  if (kind === 'leader') {
    const { leader, changes = [], fence } = state.leaders[name] ?? {}
    return {
      says: [
        leader === undefined
          ? either('There is no leader.', 'Лидера нет.')
          : either(
              `The leader is ${leader || 'another process'}, with fence ${fence}.`,
              `Лидер: ${leader || 'другой процесс'}, номер ${fence}.`,
            ),
      ],
      value: leader === undefined ? '–' : String(changes.length),
      label: leader === undefined ? w('no leader') : w('changes'),
      lines,
    }
  }
  if (kind === 'process') {
    const { heard = now, late = 0 } = state.processes[name] ?? {}
    return code === 'silent'
      ? {
          says: [
            either(
              'No sign of life. Its jobs go to others when their leases end.',
              'Не слышно. Задачи перейдут к другим, когда кончится аренда.',
            ),
          ],
          value: span((now - heard) / 1000),
          label: w('silent'),
          lines,
        }
      : {
          says: [
            either(
              'Its event loop is late: everything in it waits.',
              'Цикл событий опаздывает: всё ждёт.',
            ),
          ],
          value: span(late),
          label: w('Loop late'),
          lines,
        }
  }
  const { failure } = state.storage[name] ?? {}
  return { says: [failure ?? ''], value: '–', label: w('unreachable'), lines }
}
