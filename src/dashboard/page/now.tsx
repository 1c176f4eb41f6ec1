import type { JSX } from 'preact'
import { partsOf } from './all-parts.tsx'
import { Axis, Chart } from './chart.tsx'
import { past, range } from './chart-range.ts'
import { matches } from './filter.ts'
import { span, time } from './format.ts'
import { Told } from './happened.tsx'
import { frozen, Pill } from './held-order.tsx'
import { Mark } from './mark.tsx'
import { PartLink } from './parts.tsx'
import { Ranges } from './ranges.tsx'
import { change, place, type State } from './store.ts'
import { At } from './time-label.tsx'
import { rowOf } from './trouble-row.tsx'
import { verdict } from './trouble-text.ts'
import { either, w } from './words.ts'

/** How many happenings are shown at first. */
const FEW = 12

export function Now({ state }: { state: State }): JSX.Element {
  const { filter, sort, all } = place()
  const troubles = state.troubles.filter(({ name, kind, code }) =>
    matches(filter, name, kind, code),
  )
  const ordered = sort === 'start' ? troubles.toSorted((a, b) => a.since - b.since) : troubles
  const { list, moved, hold, release } = frozen(
    'now',
    ordered,
    ({ kind, name }) => `${kind}/${name}`,
  )
  const bad = state.troubles.filter(({ level }) => level === 'bad')
  const told = (bad.length > 0 ? bad : state.troubles).slice(0, 3)
  const begun = [...state.troubles].sort((a, b) => a.since - b.since)
  const [first] = begun
  const first0 = past().times[0] ?? state.since
  const unseen = first0 > state.at - range() * 1000 + 30_000
  const everything = partsOf(state)
  const fine = everything.reduce((sum, [, parts]) => sum + parts.length, 0) - state.troubles.length
  const counts = (
    <>
      {bad.length > 0 && (
        <span>
          <Mark level="bad" />
          {bad.length} {w('broken')}
        </span>
      )}
      {state.troubles.length > bad.length && (
        <span>
          <Mark level="warn" />
          {state.troubles.length - bad.length} {w('to watch')}
        </span>
      )}
      <span>
        <Mark level="fine" />
        {Math.max(0, fine)} {w('fine')}
      </span>
    </>
  )
  return (
    <>
      <h1 class="verdict">
        {told.length === 0
          ? w('Nothing is wrong.')
          : told.map((trouble, i) => (
              <span key={`${trouble.kind}/${trouble.name}`}>
                <Mark level={trouble.level} />
                <PartLink kind={trouble.kind} name={trouble.name} /> {verdict(trouble, state)}
                {i < told.length - 1 ? ', ' : '.'}
              </span>
            ))}
      </h1>
      <p class="sub">
        {first && (
          <span>
            {w('Began')}{' '}
            <b>
              <At at={first.since} />
            </b>
            , {span((state.at - first.since) / 1000)} {w('ago, with')} {first.name}.
          </span>
        )}{' '}
        {counts}
      </p>
      {state.troubles.length > 0 && (
        <>
          <div class="tools">
            <div class="segments" role="group" aria-label={w('What is wrong')}>
              <button
                type="button"
                aria-pressed={sort !== 'start'}
                onClick={() => change({ sort: '' })}
              >
                {w('Worst first')}
              </button>
              <button
                type="button"
                aria-pressed={sort === 'start'}
                onClick={() => change({ sort: 'start' })}
              >
                {w('By start')}
              </button>
            </div>
            <span>
              {unseen && (
                <>
                  <b>
                    {w('Watched since')} <At at={first0} />.
                  </b>{' '}
                  {w('Dotted: no samples.')}{' '}
                </>
              )}
              {w('Grey: the usual range, 8 of 10 samples before the trouble.')}
            </span>
            <Pill moved={moved} release={release} />
            <Ranges />
          </div>
          <section class="panel" {...hold}>
            <table class="troubles">
              <thead>
                <tr>
                  <th scope="col">{w('What is wrong')}</th>
                  <th scope="col" class="num">
                    {w('Now')}
                  </th>
                  <th scope="col">{w('Since')}</th>
                  <th scope="col" class="wide">
                    <Axis />
                  </th>
                  <th scope="col">
                    <span class="hidden">{w('Details')}</span>
                  </th>
                </tr>
              </thead>
              <tbody>
                {list.map((trouble) => {
                  const { kind, name, level } = trouble
                  const row = rowOf(trouble, state)
                  return (
                    <tr key={`${kind}/${name}`}>
                      <td>
                        <div class="what">
                          <Mark level={kind === 'process' ? 'silent' : level} />
                          <div>
                            <PartLink kind={kind} name={name}>
                              <b>{name}</b>
                            </PartLink>{' '}
                            <small>{w(kind)}</small>
                            {first === trouble && state.troubles.length > 1 && (
                              <span class="flag">⚑ {w('first to break')}</span>
                            )}
                            <p>{row.says}</p>
                          </div>
                        </div>
                      </td>
                      <td class="num">
                        <b class={`big ${level}`}>
                          {row.value}
                          <small>{row.unit}</small>
                        </b>
                        <small>{row.label}</small>
                      </td>
                      <td class="when">
                        {span((state.at - trouble.since) / 1000)}
                        {trouble.exact ? '' : either(' or more', ' или больше')}
                        <small>
                          <At at={trouble.since} />
                        </small>
                      </td>
                      <td class="wide">
                        {row.lines.length > 0 && (
                          <Chart
                            lines={row.lines}
                            since={trouble.since}
                            level={level}
                            height={44}
                            usual={trouble.usual?.[row.figure ?? 0]}
                            {...(row.most !== undefined && { most: row.most })}
                            label={`${name}: ${row.value} ${row.label}, ${w('Since')} ${time(trouble.since)}`}
                          />
                        )}
                      </td>
                      <td class="acts">
                        {row.actions ?? (
                          <PartLink kind={kind} name={name}>
                            {w('Details')}
                          </PartLink>
                        )}
                      </td>
                    </tr>
                  )
                })}
              </tbody>
            </table>
          </section>
        </>
      )}
      <div class="columns">
        <section>
          <h2>
            {w('Everything')} <small>{counts}</small>
          </h2>
          <div class="panel everything">
            {everything.map(
              ([kind, parts]) =>
                parts.length > 0 && (
                  <div key={kind} class="kind">
                    <h3>{w(kind)}</h3>
                    <ul>
                      {parts
                        .filter(({ name }) => matches(filter, name))
                        .slice(0, 200)
                        .map(({ id, name, says, level }) => (
                          <li key={name}>
                            <Mark level={level} />
                            <PartLink kind={id} name={name} />
                            <span class={level}>{says}</span>
                          </li>
                        ))}
                    </ul>
                  </div>
                ),
            )}
          </div>
        </section>
        <section>
          <h2>
            {w('What happened')}
            {state.happened.length > FEW && (
              <button type="button" class="plain" onClick={() => change({ all: all ? '' : '1' })}>
                {all ? w('the latest') : `${w('all')} ${state.happened.length}`}
              </button>
            )}
          </h2>
          <ol class="panel happened">
            {state.happened
              .toSorted((a, b) => b.at - a.at || b.id - a.id)
              .slice(0, all ? undefined : FEW)
              .map((each) => (
                <li key={each.id}>
                  <Told each={each} />
                </li>
              ))}
            {state.happened.length === 0 && <li class="none">{w('Nothing has happened yet.')}</li>}
          </ol>
        </section>
      </div>
    </>
  )
}
