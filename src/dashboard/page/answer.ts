import { useEffect, useState } from 'preact/hooks'
import { ask } from './store.ts'

// biome-ignore lint/suspicious/noExplicitAny: as the server answers.
export type Answer = any

/** Asks again each 2 s while it is to be seen. */
export function useAnswer(asked: string): Answer {
  const [answer, setAnswer] = useState<{ of: string; said: Answer }>()
  useEffect(() => {
    let open = true
    const look = () =>
      ask(asked).then(
        (said) => open && setAnswer({ of: asked, said }),
        (error) => open && setAnswer({ of: asked, said: { error: String(error.message) } }),
      )
    void look()
    const timer = setInterval(() => {
      if (!document.hidden) void look()
    }, 2000)
    return () => {
      open = false
      clearInterval(timer)
    }
  }, [asked])
  return answer?.of === asked ? answer.said : undefined
}
