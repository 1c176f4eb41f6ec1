import type { JSX } from 'preact'
import type { Happening } from '../state.ts'
import { At } from './at.tsx'
import { type Level, Mark } from './mark.tsx'
import { viewOf } from './parts.tsx'
import { link } from './store.ts'
import { either, w } from './words.ts'

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
            <b>{who ?? either('somebody', 'кто-то')}</b> {action.replace('-', ' ')}{' '}
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
            <a href={link(viewOf(each.kind), name)}>{name}</a> {w(code ?? '').replace('_', ' ')}
            {phase === 'ended' && either(' is over', ': прошло')}
          </>
        )}
      </span>
    </>
  )
}
