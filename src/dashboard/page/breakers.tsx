import type { JSX } from 'preact'
import { BreakerStory } from './breaker-story.tsx'
import { Chart } from './chart.tsx'
import { past } from './chart-range.ts'
import { closeNow, isolate } from './confirmed-actions.ts'
import { Empty } from './empty.tsx'
import { figure, PER_SECOND, span } from './format.ts'
import { frozen, Pill } from './held-order.tsx'
import { PartLink, troubleOf } from './parts.tsx'
import { Act } from './permission.tsx'
import { sorted } from './sorted.ts'
import { link, place, type State } from './store.ts'
import { Head } from './table-head.tsx'
import { At } from './time-label.tsx'
import { either, w } from './words.ts'

function Switch({ is }: { is: string }): JSX.Element {
  const arm = {
    closed: 'M11 8H21',
    half_open: 'M11 8 20 4',
    open: 'M11 8 19 1',
    isolated: 'M11 8 17 1M22 1V8',
  }[is]
  return (
    <svg class={`switch ${is}`} viewBox="0 0 32 12" aria-hidden="true">
      <path d={`M0 8H8M24 8H32${arm}`} />
      <circle cx="9.5" cy="8" r="2" />
      <circle cx="22.5" cy="8" r="2" />
    </svg>
  )
}

export function Breakers({ state }: { state: State }): JSX.Element {
  const { name: asked, filter } = place()
  const { list, moved, hold, release } = frozen(
    'breakers',
    sorted('breaker', state.breakers, filter, ({ error }) => error ?? ''),
    ([name]) => name,
  )
  if (Object.keys(state.breakers).length + Object.keys(state.registries).length === 0)
    return (
      <Empty
        title={w('No breaker yet.')}
        text={either(
          'This view shows which services are cut off, since when and why. Pass your breakers to the page:',
          'Здесь видно, какой сервис отключён и почему. Передайте предохранители странице:',
        )}
        code={'app.use("/flow", dashboard({ breakers: [gateway], access }).handler)'}
      />
    )
  const name = asked ?? list[0]?.[0]
  const breaker = name === undefined ? undefined : state.breakers[name]
  const trouble = name === undefined ? undefined : troubleOf('breaker', name)
  const [, passing = [], failing = []] = past().series[`breaker/${name}`] ?? []
  const soon = trouble
    ? state.troubles.filter(
        (each) =>
          each !== trouble && each.since >= trouble.since && each.since - trouble.since < 120_000,
      )
    : []
  const counted = (['open', 'half_open', 'isolated', 'closed'] as const).map((is) => {
    const count = Object.values(state.breakers).filter((each) => each.state === is).length
    return (
      count > 0 && (
        <span key={is}>
          <Switch is={is} />
          {count} {w(is).replace('_', ' ')}
        </span>
      )
    )
  })
  const registries = Object.entries(state.registries)
  return (
    <>
      <h1 class="page">
        {w('Breakers')} <small>{counted}</small> <Pill moved={moved} release={release} />
      </h1>
      <section class="panel" {...hold}>
        <table>
          <Head
            names={[
              ['Name'],
              ['State'],
              ['For', 'num'],
              ['Failed', 'num wide'],
              ['Refused', 'num wide'],
              ['Next', 'wide'],
              ['Last 30 min', 'wide chartcell'],
              ['Last error', 'wide'],
              ['Actions.'],
            ]}
          />
          <tbody>
            {list.map(([each, part]) => {
              const its = troubleOf('breaker', each)
              const levels = past().series[`breaker/${each}`]?.[0]
              return (
                <tr key={each} class={each === name ? 'selected' : ''}>
                  <td>
                    <Switch is={part.state} />
                    <a class="row" href={link('breakers', each)}>
                      <b>{each}</b>
                    </a>
                  </td>
                  <td class="when">
                    <b class={its?.level}>{w(part.state).replace('_', ' ')}</b>
                  </td>
                  <td class="num">
                    <At at={part.since} text={span((state.at - part.since) / 1000)} />
                  </td>
                  <td class="num wide">
                    {part.calls > 0
                      ? either(
                          `${part.failedOf} of ${part.calls}`,
                          `${part.failedOf} из ${part.calls}`,
                        )
                      : part.inARow}
                  </td>
                  <td class="num wide">
                    {figure(part.refused)}
                    {PER_SECOND}
                  </td>
                  <td class="wide">
                    {part.state === 'open' && part.retryAfter !== undefined
                      ? either(
                          `probe in ${span(part.retryAfter)}`,
                          `проба через ${span(part.retryAfter)}`,
                        )
                      : part.probes
                        ? either(
                            `${part.probes.passed} of ${part.probes.needed} probes passed`,
                            `удались пробы: ${part.probes.passed} из ${part.probes.needed}`,
                          )
                        : part.state === 'isolated'
                          ? `${isolatedBy(state, each)}${either('until reset', 'до сброса')}`
                          : ''}
                  </td>
                  <td class="wide chartcell">
                    {levels && (
                      <Chart
                        lines={[{ values: levels }]}
                        most={2}
                        since={its?.since}
                        level={its?.level ?? 'bad'}
                        height={22}
                        label={`${each}: ${part.state}`}
                      />
                    )}
                  </td>
                  <td class="wide error">
                    <code>{part.error}</code>
                  </td>
                  <td class="acts">
                    {part.state !== 'isolated' && (
                      <Act kind="plain" onClick={() => isolate(each)}>
                        {w('Isolate…')}
                      </Act>
                    )}
                    {part.state !== 'closed' && (
                      <Act onClick={() => closeNow(each)}>
                        {w(part.state === 'isolated' ? 'Reset…' : 'Close now…')}
                      </Act>
                    )}
                  </td>
                </tr>
              )
            })}
          </tbody>
        </table>
        {name !== undefined && breaker && (
          <div class="two-blocks">
            <div class="block">
              <h2>
                {name}: {w('Calls a second').toLowerCase()}{' '}
                <small>
                  <span class="key data">{either('succeeded', 'удались')}</span>{' '}
                  <span class="key bad">{either('failed or refused', 'не удались')}</span>
                </small>
              </h2>
              <Chart
                lines={[
                  { values: passing, tone: 'data' },
                  { values: failing, tone: 'bad' },
                ]}
                since={trouble?.since}
                height={80}
                axis
                label={`${name}: ${figure(breaker.passing)}${PER_SECOND}, ${figure(breaker.failing)}${PER_SECOND}`}
              />
            </div>
            <BreakerStory name={name} state={state} />
          </div>
        )}
        {registries.map(([registry, { keys, shown }]) => (
          <p key={registry} class="foot">
            <b>{registry}</b>{' '}
            {either(
              `${figure(shown)} of ${figure(keys)} keys shown, open breakers first.`,
              `показаны ${figure(shown)} из ${figure(keys)} ключей, сначала не замкнутые.`,
            )}
          </p>
        ))}
        <p class="foot">
          {soon.length > 0 && (
            <>
              {either('Began within two minutes of it: ', 'Началось в течение двух минут: ')}
              {soon.map((each) => (
                <span key={each.name}>
                  <PartLink kind={each.kind} name={each.name} /> <At at={each.since} />.{' '}
                </span>
              ))}
            </>
          )}
          {either(
            'Isolating refuses every call until you reset; closing now lets every call through to a service that may be down.',
            'Изоляция отклоняет все вызовы до сброса; замыкание пропускает все к сервису, который может лежать.',
          )}
        </p>
      </section>
    </>
  )
}

/** The user who isolated it from here, where that is known: `nika, `. */
function isolatedBy(state: State, name: string): string {
  const done = state.happened.findLast(
    (each) => each.kind === 'breaker' && each.name === name && each.action === 'isolate',
  )
  return done?.who === undefined ? '' : either(`by ${done.who}, `, `${done.who}, `)
}
