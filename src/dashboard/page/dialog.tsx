import type { JSX } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { tell } from './notice.tsx'
import { act, store } from './store.ts'
import { w } from './words.ts'

/** What a dialog asks before something wide or final is done. */
export interface Question {
  title: string
  says: readonly string[]
  code?: string
  verb: string
  danger?: boolean
  path: string
  body?: object
  /** Has to be typed first. */
  type?: string
  fields?: readonly { name: string; label: string; value: string; number?: boolean }[]
  build?: (values: Record<string, string>) => object
}

let question: Question | undefined

export function confirm(asked: Question): void {
  question = asked
  store.changed()
}

export function Dialog(): JSX.Element | null {
  const ref = useRef<HTMLDialogElement>(null)
  const [error, setError] = useState('')
  const [typed, setTyped] = useState('')
  const asked = question
  useEffect(() => {
    setError('')
    setTyped('')
    if (asked !== undefined && !ref.current?.open) ref.current?.showModal()
    ref.current?.querySelector<HTMLElement>('.notnow')?.focus()
  }, [asked])
  if (asked === undefined) return null
  const close = () => {
    question = undefined
    ref.current?.close()
    store.changed()
  }
  const submit = async (event: Event) => {
    event.preventDefault()
    const values = Object.fromEntries(new FormData(event.target as HTMLFormElement)) as Record<
      string,
      string
    >
    try {
      await act(asked.path, {
        ...asked.body,
        ...asked.build?.(values),
        reason: values['reason'] ?? '',
      })
      close()
      tell(asked.title.replace(/\?$/, ''))
    } catch (failure) {
      setError((failure as Error).message)
    }
  }
  return (
    <dialog ref={ref} aria-labelledby="question" onClose={close}>
      <form onSubmit={(event) => void submit(event)}>
        <div class="body">
          <h2 id="question">{asked.title}</h2>
          <ul>
            {asked.says.map((line) => (
              <li key={line}>{line}</li>
            ))}
          </ul>
          {asked.fields?.map(({ name, label, value, number }) => (
            <label key={name}>
              {label}
              <input
                name={name}
                defaultValue={value}
                required
                inputMode={number ? 'decimal' : 'text'}
              />
            </label>
          ))}
          {asked.code && <pre>{asked.code}</pre>}
          {asked.type !== undefined && (
            <label>
              {asked.type}
              <input
                value={typed}
                autocomplete="off"
                onInput={(event) => setTyped(event.currentTarget.value)}
              />
            </label>
          )}
          <label>
            {w('Why (kept with your name)')}
            {store.state?.me.user ? `: ${store.state.me.user}` : ''}
            <input name="reason" maxLength={500} autocomplete="off" />
          </label>
          {error && (
            <p class="bad" role="alert">
              {error}
            </p>
          )}
        </div>
        <div class="foot">
          <button type="button" class="notnow" onClick={close}>
            {w('Not now')} <kbd>Esc</kbd>
          </button>
          <button
            type="submit"
            class={asked.danger ? 'danger' : 'primary'}
            disabled={asked.type !== undefined && typed !== asked.type}
          >
            {asked.verb}
          </button>
        </div>
      </form>
    </dialog>
  )
}
