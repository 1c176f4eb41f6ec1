import type { JSX } from 'preact'
import { Empty } from './empty.tsx'
import { matches } from './filter.ts'
import { figure, PER_SECOND, quota } from './format.ts'
import { Limiter } from './limiter.tsx'
import { Key } from './limiter-key.tsx'
import { Mark } from './mark.tsx'
import { levelOf, troubleOf } from './parts.tsx'
import { Side } from './side.tsx'
import { place, type State } from './store.ts'
import { either, w } from './words.ts'

export function Limiters({ state }: { state: State }): JSX.Element {
  const { name: asked, what, id, filter } = place()
  const all = Object.entries(state.limiters).filter(([name, { top }]) =>
    matches(filter, name, ...(top?.list.map(({ key }) => key) ?? [])),
  )
  const sorted = all.sort(([, a], [, b]) => (b.denied ?? 0) - (a.denied ?? 0))
  if (Object.keys(state.limiters).length === 0) {
    return (
      <Empty
        title={w('No limiter yet.')}
        text={either(
          'This view shows which keys are denied and how often, and tries other limits on live calls. Pass your limiters to the page:',
          'Здесь видно, каким ключам и как часто отказано. Передайте лимитеры странице:',
        )}
        code={
          "import { dashboard } from 'aioflux/dashboard'\n\napp.use('/flow', dashboard({ limiters: [api], access }).handler)"
        }
      />
    )
  }
  const name = asked ?? sorted[0]?.[0]
  const limiter = name === undefined ? undefined : state.limiters[name]
  return (
    <div class={`panes ${asked === undefined ? 'at-list' : ''}`}>
      <Side
        view="limiters"
        title={w('Limiters')}
        name={name}
        foot={either('Figures: denied a second.', 'Числа: отказов в секунду.')}
        items={sorted.map(
          ([each, { denied, wouldDeny, quota: numbers, keys, waiting, whatIf, rule }]) => ({
            name: each,
            level: (
              <Mark
                level={levelOf(
                  'limiter',
                  each,
                  whatIf || wouldDeny !== undefined ? 'shadow' : 'fine',
                )}
              />
            ),
            says: `${figure(wouldDeny ?? denied)}${PER_SECOND}`,
            bad: troubleOf('limiter', each) !== undefined,
            more: `${quota(numbers) || rule} · ${waiting > 0 ? `${figure(waiting)} ${w('waiting')}` : `${figure(keys)} ${either('keys', 'ключей')}`}`,
          }),
        )}
      />
      {name !== undefined && limiter !== undefined ? (
        <Limiter
          key={name}
          name={name}
          state={state}
          opened={what === 'keys' ? (id ?? '') : undefined}
        />
      ) : (
        <p class="panel none">{either('There is no such limiter.', 'Такого лимитера нет.')}</p>
      )}
      {name !== undefined && limiter !== undefined && what === 'keys' && (
        <Key key={`${name}/${id}`} name={name} id={id ?? ''} state={state} />
      )}
    </div>
  )
}
