/** A message of the stream. */
export interface Message {
  readonly event: string
  // biome-ignore lint/suspicious/noExplicitAny: tests look at what they know is there.
  readonly data: any
}

/** Reads the stream of a dashboard, message by message. */
export async function* messages(url: string, signal: AbortSignal): AsyncGenerator<Message> {
  const response = await fetch(`${url}api/stream`, { signal })
  const decoder = new TextDecoder()
  let text = ''
  for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
    text += decoder.decode(chunk, { stream: true })
    for (;;) {
      const end = text.indexOf('\n\n')
      if (end < 0) break
      const lines = text.slice(0, end).split('\n')
      text = text.slice(end + 2)
      const event = lines.find((line) => line.startsWith('event: '))?.slice(7)
      const data = lines.find((line) => line.startsWith('data: '))?.slice(6)
      if (event !== undefined && data !== undefined) yield { event, data: JSON.parse(data) }
    }
  }
}

/** Acts as the page does. */
export function post(url: string, path: string, body: object = {}): Promise<Response> {
  return fetch(url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'sec-fetch-site': 'same-origin' },
    body: JSON.stringify(body),
  })
}

// biome-ignore lint/suspicious/noExplicitAny: as above.
export async function get(url: string, path: string): Promise<any> {
  const response = await fetch(url + path)
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`)
  return response.json()
}
