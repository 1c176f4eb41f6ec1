import { type Answer, type PageRequest, TooLargeError } from './answer.ts'

/** A request of the web platform: of Hono, Bun, Deno, Workers. */
export function askedOfWeb(request: Request, path: string, query: URLSearchParams): PageRequest {
  return {
    method: request.method,
    path,
    query,
    header: (name) => request.headers.get(name) ?? undefined,
    body: (most) => bodyOf(request, most),
    source: request,
  }
}

/** The most unread characters of a stream. */
const UNREAD = 1_000_000

export function responseOf(answer: Answer, request: Request): Response {
  const { status, headers, body, stream } = answer
  if (stream === undefined) {
    return new Response(request.method === 'HEAD' ? null : (body ?? null), { status, headers })
  }
  const encoder = new TextEncoder()
  let stop = () => {}
  const readable = new ReadableStream<Uint8Array>(
    {
      start(controller) {
        let open = true
        stop = stream({
          write(text) {
            if (open) controller.enqueue(encoder.encode(text))
            return (controller.desiredSize ?? 0) > 0
          },
          get ready() {
            return (controller.desiredSize ?? 0) > 0
          },
          end() {
            if (open) controller.close()
            open = false
          },
        })
        request.signal?.addEventListener('abort', () => {
          open = false
          stop()
        })
      },
      cancel: () => stop(),
    },
    { highWaterMark: UNREAD, size: (chunk) => chunk?.byteLength ?? 0 },
  )
  return new Response(readable, { status, headers })
}

async function bodyOf(request: Request, most: number): Promise<string> {
  const reader = request.body?.getReader()
  if (reader === undefined) return ''
  const decoder = new TextDecoder()
  let text = ''
  let size = 0
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return text + decoder.decode()
    size += value.byteLength
    if (size > most) {
      await reader.cancel()
      throw new TooLargeError()
    }
    text += decoder.decode(value, { stream: true })
  }
}
