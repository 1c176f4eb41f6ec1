import type { JSX } from 'preact'
import { span, time } from './format.ts'
import { connect, store } from './store.ts'
import { either, w } from './words.ts'

/** Says since when nothing has been heard. */
export function ConnectionLost(): JSX.Element | null {
  const { state, lost } = store
  if (lost === undefined) return null
  return (
    <div class="lostbar" role="alert">
      <span>
        <b>
          {state
            ? `${w('Connection lost')}, ${span((Date.now() - lost) / 1000)}.`
            : `${w('Connection lost')}.`}
        </b>{' '}
        {state && (
          <>
            {w('All you see is as of')} {time(state.at)}. {w('Actions wait until it is back.')}
          </>
        )}
      </span>
      <span>
        {either('Attempt', 'Попытка')} {store.attempt}{' '}
        <button type="button" onClick={connect}>
          {w('Try now')}
        </button>
      </span>
    </div>
  )
}
