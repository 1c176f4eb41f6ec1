import type { JSX } from 'preact'
import { tell } from './notice.tsx'
import { filled } from './permission.tsx'
import { act } from './server.ts'
import { store } from './store.ts'
import { w } from './words.ts'

/** What a dialog asks before something wide or final is done. */
export interface Question {
  title: string
  says: readonly string[]
  code?: string
  /** On the button, without its dots. */
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
/** Why it could not be done, and what was typed so far. */
let error = ''
let typed = ''

export function confirm(asked: Question): void {
  question = asked
  error = ''
  typed = ''
  store.changed()
}

/** Begins to be seen, with the focus on the way out. */
function show(dialog: HTMLDialogElement | null): void {
  if (dialog === null || dialog.open) return
  dialog.showModal()
  dialog.querySelector<HTMLElement>('.notnow')?.focus()
}

function close({ currentTarget }: Event): void {
  const dialog = (currentTarget as HTMLElement).closest('dialog')
  if (dialog?.open) dialog.close()
  question = undefined
  store.changed()
}

export function Dialog(): JSX.Element | null {
  const asked = question
  if (asked === undefined) return null
  const submit = async (event: Event) => {
    const values = filled(event)
    const form = event.currentTarget
    try {
      const reason = values['reason'] ?? ''
      await act(asked.path, { ...asked.body, ...asked.build?.(values), reason })
      close({ currentTarget: form } as Event)
      tell(asked.title.replace(/\?$/, ''))
    } catch (failure) {
      error = (failure as Error).message
      store.changed()
    }
  }
  return (
    <dialog ref={show} aria-labelledby="question" onClose={close}>
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
                onInput={(event) => {
                  typed = event.currentTarget.value
                  store.changed()
                }}
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
            {asked.verb.replace('…', '')}
          </button>
        </div>
      </form>
    </dialog>
  )
}
