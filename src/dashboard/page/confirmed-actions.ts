import type { QueueState, QuotaState } from '../state.ts'
import { confirm } from './dialog.tsx'
import { figure, numbersOf, quota } from './format.ts'
import { pathTo } from './server.ts'
import { store } from './store.ts'
import { either, w } from './words.ts'

const quoted = (text: string) => JSON.stringify(text)

export function isolate(name: string): void {
  const { refused = 0, passing = 0 } = store.state?.breakers[name] ?? {}
  confirm({
    title: either(`Isolate ${name}?`, `Изолировать ${name}?`),
    says: [
      either(
        `Every call is refused until the breaker is reset: ${figure(refused + passing)} a second now.`,
        `Каждый вызов отклоняется до сброса: сейчас ${figure(refused + passing)} в секунду.`,
      ),
      either(
        'It does not probe by itself. To undo: Reset.',
        'Проб он сам не делает. Отменить: «Сбросить».',
      ),
    ],
    code: 'const isolation = breaker.isolate()',
    verb: w('Isolate…'),
    path: pathTo('breakers', name, 'isolate'),
  })
}

export function closeNow(name: string): void {
  const { refused = 0 } = store.state?.breakers[name] ?? {}
  confirm({
    title: either(`Close ${name} now?`, `Замкнуть ${name} сейчас?`),
    says: [
      either(
        `Every call goes through at once, ${figure(refused)} a second more, to a service that may be down.`,
        `Сразу проходят все вызовы, ещё ${figure(refused)} в секунду, к сервису, который может лежать.`,
      ),
      either(
        'What was counted is forgotten. It opens again when calls fail again.',
        'Счёт начнётся заново. При новых неудачах разомкнётся снова.',
      ),
    ],
    code: 'breaker.reset()',
    verb: w('Close now…'),
    path: pathTo('breakers', name, 'reset'),
  })
}

export function pauseQueue(name: string, queue: QueueState): void {
  const { put = 0, running, paused } = queue
  if (paused) {
    return confirm({
      title: either(`Resume ${name} everywhere?`, `Продолжить ${name} везде?`),
      says: [
        either(
          `${figure(queue.waiting)} jobs wait, and begin at once.`,
          `Ждут ${figure(queue.waiting)}, начнутся сразу.`,
        ),
      ],
      code: 'await queue.resume({ everywhere: true })',
      verb: w('Resume everywhere…'),
      path: pathTo('queues', name, 'resume'),
      body: { everywhere: true },
    })
  }
  confirm({
    title: either(`Pause ${name} everywhere?`, `Остановить ${name} везде?`),
    says: [
      either(
        `Workers take nothing new; the ${figure(running)} that run now go on.`,
        `Новое не берётся; ${figure(running)} выполняемых доделаются.`,
      ),
      either(`${figure(put)} jobs a second pile up.`, `Копится ${figure(put)} в секунду.`),
      either(
        'Putting goes on. Undo with Resume, from here or from code.',
        'Класть можно и дальше. Вернуть: «Продолжить».',
      ),
    ],
    code: 'await queue.pause({ everywhere: true })',
    verb: w('Pause everywhere…'),
    path: pathTo('queues', name, 'pause'),
    body: { everywhere: true },
  })
}

export function redrive(name: string, count: number, error?: string, id?: string): void {
  const { dead = 0 } = store.state?.queues[name] ?? {}
  confirm({
    title:
      id === undefined
        ? either(`Redrive ${figure(count)} jobs of ${name}?`, `Вернуть ${figure(count)} в ${name}?`)
        : either(`Redrive ${id}?`, `Вернуть ${id}?`),
    says: [
      either(
        `${figure(count)} of ${figure(dead)} dead jobs wait again, and their attempts count from 1.`,
        `${figure(count)} из ${figure(dead)} мёртвых снова ждут, попытки с начала.`,
      ),
      ...(error === undefined ? [] : [either(`They died of: ${error}`, `Умерли от: ${error}`)]),
    ],
    code:
      id !== undefined
        ? `await queue.redrive({ ids: [${quoted(id)}] })`
        : error !== undefined
          ? `await queue.redrive({ error: ${quoted(error)} })`
          : 'await queue.redrive()',
    verb: w('Redrive…'),
    path: pathTo('queues', name, ...(id === undefined ? [] : ['jobs', id]), 'redrive'),
    body: id !== undefined || error === undefined ? {} : { error },
  })
}

export function cancelJob(name: string, id: string, runs: boolean): void {
  confirm({
    title: either(`Cancel ${id}?`, `Отменить ${id}?`),
    says: [
      runs
        ? either(
            'Its signal aborts. A handler that ignores it goes on.',
            'Её сигнал сработает. Обработчик, который его не слушает, продолжит.',
          )
        : either('It never starts.', 'Она не начнётся.'),
    ],
    code: `await queue.cancel(${quoted(id)})`,
    verb: either('Cancel the job', 'Отменить задачу'),
    danger: true,
    path: pathTo('queues', name, 'jobs', id, 'cancel'),
  })
}

export function removeJob(name: string, id: string): void {
  confirm({
    title: either(`Remove ${id}?`, `Удалить ${id}?`),
    says: [
      either(
        'It is forgotten, with its item and its errors. This cannot be undone.',
        'Задача забывается вместе с данными и ошибками. Вернуть её нельзя.',
      ),
    ],
    code: `await queue.remove(${quoted(id)})`,
    verb: w('Remove…'),
    danger: true,
    path: pathTo('queues', name, 'jobs', id, 'remove'),
  })
}

export function runNow(name: string): void {
  const { overlap, running = 0 } = store.state?.schedules[name] ?? {}
  confirm({
    title: either(`Run ${name} now?`, `Запустить ${name} сейчас?`),
    says: [
      either(
        'It runs in this process, besides its schedule, also when this process is not the leader.',
        'Выполнится в этом процессе, помимо расписания, даже если лидер другой.',
      ),
      either(
        `${running} of its runs go on now; overlap: ${overlap ?? 'skip'}.`,
        `Сейчас идёт: ${running}; наложение: ${overlap ?? 'skip'}.`,
      ),
    ],
    code: `scheduler.run(${quoted(name)})`,
    verb: w('Run now…'),
    path: pathTo('schedules', name, 'run'),
  })
}

export function forget(name: string, key: string): void {
  confirm({
    title: either(`Forget ${key || "''"} at ${name}?`, `Забыть ${key || "''"} в ${name}?`),
    says: [
      either(
        'What it has used, and its block, are gone: its next call meets a fresh limit. This cannot be undone.',
        'Израсходованное и блокировка исчезнут. Вернуть нельзя.',
      ),
    ],
    code: `await limiter.reset(${quoted(key)})`,
    verb: w('Forget'),
    danger: true,
    path: pathTo('limiters', name, 'reset'),
    body: { key },
  })
}

export function changeLimit(name: string, wanted?: QuotaState): void {
  const limiter = store.state?.limiters[name]
  const now = { ...limiter?.quota, ...wanted }
  const fields = numbersOf(now).map(([field, value]) => ({
    name: field,
    label: field === 'per' ? 'per, s' : field,
    value: String(value),
    number: true,
  }))
  confirm({
    title: either(`Change the limit of ${name}?`, `Изменить лимит ${name}?`),
    says: [
      either(
        `Now ${quota(limiter?.quota)}. It holds at once for ${figure(limiter?.keys)} keys; what was used stays used.`,
        `Сейчас ${quota(limiter?.quota)}. Сразу для ${figure(limiter?.keys)} ключей; израсходованное остаётся.`,
      ),
      either(
        `${figure(limiter?.denied)}/s are denied now.`,
        `Сейчас отказано ${figure(limiter?.denied)}/с.`,
      ),
      limiter?.remote
        ? either(
            'Only this process decides by it, until it restarts: the others have the limit of their code.',
            'Только в этом процессе и до его перезапуска: у других лимит из их кода.',
          )
        : either(
            'It lasts until this process restarts: change the code too.',
            'До перезапуска процесса: измените и код.',
          ),
    ],
    code: 'await limiter.reconfigure({ ... })',
    fields,
    build: (values) => ({
      quota: Object.fromEntries(fields.map(({ name: field }) => [field, Number(values[field])])),
    }),
    verb: w('Change limit…'),
    path: pathTo('limiters', name, 'reconfigure'),
  })
}
