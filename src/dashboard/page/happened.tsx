import type { JSX } from 'preact'
import type { Happening, TroubleCode } from '../state.ts'
import { type Level, Mark } from './mark.tsx'
import { viewOf } from './parts.tsx'
import { link } from './store.ts'
import { At } from './time-label.tsx'
import { either, w } from './words.ts'

/** How a trouble began, where that says more than its name. */
const BEGINNINGS: Partial<Record<TroubleCode, string>> = {
  open: either('opened', 'разомкнулся'),
  denies: either('denies over 5 % of its calls', 'отказывает больше 5 % вызовов'),
  skipped: either('skipped, the run before goes on', 'пропуск: прошлый запуск идёт'),
  silent: either('was last heard', 'слышно в последний раз'),
}

function began(code: TroubleCode, level: Happening['level']): string {
  if (code === 'behind') {
    const seconds = level === 'bad' ? 30 : 10
    return either(`oldest waits over ${seconds} s`, `старшая ждёт больше ${seconds} с`)
  }
  return BEGINNINGS[code] ?? w(code).replace('_', ' ')
}

/** A line of what has happened: a trouble that began or ended, or an action of an operator. */
export function Told({ each }: { each: Happening }): JSX.Element {
  const { action, who, name, target, detail, reason, code, phase, level } = each
  const mark: Level = phase === 'ended' ? 'fine' : (level ?? 'fine')
  return (
    <>
      <At at={each.at} />{' '}
      {action ? (
        <span class="person" aria-hidden="true">
          ●
        </span>
      ) : (
        <Mark level={mark} />
      )}
      <span>
        {action ? (
          <>
            <b>{who ?? either('an operator', 'оператор')}</b> {action.replace('-', ' ')}{' '}
            <a href={link(viewOf(each.kind), name)}>{name}</a>
            {target !== undefined && (
              <>
                {' '}
                <code>{target}</code>
              </>
            )}
            {detail && ` (${detail})`}
            {reason && `: ${reason}`}
          </>
        ) : (
          <>
            <a href={link(viewOf(each.kind), name)}>{name}</a>{' '}
            {code &&
              (phase === 'ended' ? either('is fine again', 'снова в порядке') : began(code, level))}
          </>
        )}
      </span>
    </>
  )
}
