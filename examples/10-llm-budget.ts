// An LLM proxy with budgets: an estimate by the prompt is taken at once, and settled by the usage that the model reports. A
// client that goes away is charged what was streamed to it.
// Run it: npx tsx examples/10-llm-budget.ts
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { LimiterFactory } from 'aioflux'

/** A model, as far as a proxy can tell: it streams so many tokens, and reports at the end what it used. */
const model = createServer(async (req, res) => {
  const { prompt, answer } = JSON.parse(await textOf(req)) as { prompt: number; answer: number }
  for (let i = 0; i < answer; i += 10) {
    res.write(`${JSON.stringify({ tokens: Math.min(10, answer - i) })}\n`)
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
  res.end(`${JSON.stringify({ usage: prompt + answer })}\n`)
})

// #region budget
// Calls and tokens in one: each call counts once, and its tokens as many as were used.
const calls = LimiterFactory.tokenBucket({ rate: 100, per: '1d', name: 'calls' })
const tokens = LimiterFactory.tokenBucket({ rate: 1000, per: '1d', name: 'tokens' })
const budget = LimiterFactory.composite([{ limiter: calls, cost: () => 1 }, { limiter: tokens }])
// #endregion

// #region proxy
const proxy = createServer(async (req, res) => {
  const team = req.headers['x-team']
  if (typeof team !== 'string') return void res.writeHead(400).end('x-team is missing')
  const { prompt, maxTokens, answer } = JSON.parse(await textOf(req)) as Record<string, number>
  const sent = prompt as number
  // The prompt is charged at least: it has been sent once the model answers.
  const estimate = sent + (maxTokens as number)
  if (!(estimate > 0 && estimate <= 1000)) return void res.writeHead(400).end('too large')
  const reservation = await budget.reserve(team, estimate, { floor: sent, ttl: '2m' })
  if (reservation === undefined) {
    const { retryAfter } = await budget.peek(team, estimate)
    res.writeHead(429, { 'Retry-After': Math.ceil(retryAfter) }).end('over budget')
    return
  }
  // However the call below ends, the budget is right in the end.
  await using held = reservation
  const gone = new AbortController()
  res.once('close', () => gone.abort())
  held.used(sent)
  const body = JSON.stringify({ prompt, answer })
  try {
    const upstream = await fetch(modelUrl, { method: 'POST', body, signal: gone.signal })
    for await (const { tokens, usage } of lines(upstream)) {
      if (tokens !== undefined) held.used(tokens)
      if (usage !== undefined) await held.settle(usage)
      res.write('.')
    }
    res.end()
  } catch (error) {
    // The client has gone: what was streamed until then is charged.
    if (!gone.signal.aborted) throw error
  }
})
// #endregion

const modelUrl = await listen(model)
const url = await listen(proxy)
const left = async (team: string) => (await tokens.peek(team)).remaining
const ask = (team: string, call: object, signal: AbortSignal | null = null) =>
  fetch(url, {
    method: 'POST',
    headers: { 'x-team': team },
    body: JSON.stringify(call),
    signal,
  })

await (await ask('red', { prompt: 40, maxTokens: 500, answer: 60 })).text()
console.log('after 100 of 540:', await left('red')) // => after 100 of 540: 900

const both = await Promise.all([
  ask('blue', { prompt: 40, maxTokens: 500, answer: 60 }),
  ask('blue', { prompt: 40, maxTokens: 500, answer: 60 }),
])
console.log(both.map(({ status }) => status).sort()) // => [ 200, 429 ]
console.log(both.some(({ headers }) => headers.has('retry-after'))) // => true
await Promise.all(both.map((response) => response.text()))

const client = new AbortController()
const stream = await ask('green', { prompt: 40, maxTokens: 900, answer: 800 }, client.signal)
const reader = stream.body?.getReader()
await reader?.read()
client.abort()
while ((await left('green')) < 300) await new Promise((resolve) => setTimeout(resolve, 5))
const charged = 1000 - (await left('green'))
console.log(charged >= 50 && charged < 700, 'an aborted stream is charged in part') // => true an aborted stream is charged in part
console.log('calls of red:', 100 - (await calls.peek('red')).remaining) // => calls of red: 1

for (const server of [proxy, model]) {
  server.closeAllConnections()
  server.close()
}

async function textOf(stream: AsyncIterable<Uint8Array>): Promise<string> {
  let text = ''
  for await (const chunk of stream) text += Buffer.from(chunk).toString()
  return text
}

async function* lines(response: Response): AsyncGenerator<{ tokens?: number; usage?: number }> {
  let text = ''
  for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
    text += Buffer.from(chunk).toString()
    const whole = text.split('\n')
    text = whole.pop() as string
    for (const line of whole) yield JSON.parse(line)
  }
}

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}
