import type { JSX } from 'preact'
import { Chart } from './chart.tsx'
import { past } from './chart-range.ts'
import { changeLimit } from './confirmed-actions.ts'
import { figure, numbersOf, PER_SECOND, percent, quota, span } from './format.ts'
import { Mark } from './mark.tsx'
import { doNow, tell } from './notice.tsx'
import { Act, filled, mayAct } from './permission.tsx'
import { act, pathTo } from './server.ts'
import type { State } from './store.ts'
import { either, w } from './words.ts'

export function WhatIf({ name, state }: { name: string; state: State }): JSX.Element | null {
  const limiter = state.limiters[name]
  const fields = numbersOf(limiter?.quota)
  if (limiter === undefined) return null
  const trial = limiter.whatIf
  const freed = trial ? trial.keys - trial.wouldDenyKeys : 0
  const judge = async (event: Event) => {
    const wanted = Object.entries(filled(event))
    try {
      await act(pathTo('limiters', name, 'whatif'), {
        quota: Object.fromEntries(wanted.map(([field, value]) => [field, Number(value)])),
      })
    } catch (error) {
      tell((error as Error).message, undefined, true)
    }
  }
  const [, refused = []] = past().series[`limiter/${name}`] ?? []
  return (
    <div class="block whatif">
      <h2>
        <Mark level="shadow" />
        <span class="what">{w('What if')}</span>{' '}
        <small>
          {trial
            ? either(
                `judged in shadow on live calls for ${span((state.at - trial.since) / 1000)}. It refuses no call.`,
                `проверяется на живых вызовах ${span((state.at - trial.since) / 1000)}. Никому не отказывает.`,
              )
            : either(
                'a limit judged in shadow on live calls. It refuses no call.',
                'лимит проверяется в тени на живых вызовах. Никому не отказывает.',
              )}
        </small>
        {trial && (
          <Act
            kind="plain"
            onClick={() =>
              void doNow(w('Stop'), pathTo('limiters', name, 'whatif'), { stop: true })
            }
          >
            {w('Stop')}
          </Act>
        )}
      </h2>
      {mayAct() && (
        <form class="line" onSubmit={(event) => void judge(event)}>
          {fields.map(([field, value]) => (
            <label key={field}>
              {field === 'per' ? 'per, s' : field}{' '}
              <input
                class="short"
                inputMode="decimal"
                name={field}
                defaultValue={String(field === 'rate' ? value * 2 : value)}
              />
            </label>
          ))}
          <Act>{w('Judge this')}</Act>
        </form>
      )}
      {trial && (
        <>
          <div class="split">
            <Chart
              lines={[
                { values: refused, tone: 'bad' },
                {
                  times: trial.series.map(([at]) => at),
                  values: trial.series.map(([, value]) => value),
                  tone: 'whatline',
                  dashed: true,
                  fill: false,
                },
              ]}
              height={60}
              label={either(
                `Denied ${figure(trial.denied)} a second, would be denied ${figure(trial.wouldDeny)}`,
                `Отказано ${figure(trial.denied)}, было бы ${figure(trial.wouldDeny)}`,
              )}
            />
            <dl>
              <dt>
                <span class="key bad">{w('denied')}</span>{' '}
                <span class="key whatkey">{w('would be denied')}</span>
              </dt>
              <dd />
              <dt>{w('Denied')}</dt>
              <dd>
                {figure(trial.denied)} →{' '}
                <b class="what">
                  {figure(trial.wouldDeny)}
                  {PER_SECOND}
                </b>
              </dd>
              <dt>{either('Keys denied', 'Ключей')}</dt>
              <dd>
                {figure(trial.keys)} → <b class="what">{figure(trial.wouldDenyKeys)}</b>
              </dd>
              <dt>{either('Let through besides', 'Пропущено сверх')}</dt>
              <dd>
                {trial.besides >= 0 ? '+ ' : ''}
                {figure(trial.besides)}
                {PER_SECOND}
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
              {freed > 0 &&
                either(
                  `Keys denied no more: ${figure(freed)}; still denied: ${figure(trial.wouldDenyKeys)}. `,
                  `Освободит ключей: ${figure(freed)}; откажет по-прежнему: ${figure(trial.wouldDenyKeys)}. `,
                )}
              {either(
                'It began with full limits: at first it denies less.',
                'Начат с полных лимитов: сначала отказывает реже.',
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
