import { OwnConnection } from '../../redis/client/client.ts'
import type { RedisClientLike } from '../../redis/client/client-like.ts'
import type { ServerFacts } from './server.ts'

/** How long the connection and all answers may take together, in milliseconds. */
const PATIENCE = 10_000

/**
 * Asks a Redis about itself. Reads only, but for an empty script.
 *
 * @throws the error of the client, when there is no server or it refuses the connection
 */
export async function askServer(url: string): Promise<ServerFacts> {
  let fail: (error: unknown) => void = () => {}
  const failed = new Promise<never>((_, reject) => {
    fail = reject
  })
  // The libraries try again and again; here the first failure is the answer.
  const connection = new OwnConnection(url, (_text, error) => fail(error))
  const timer = setTimeout(() => fail(new Error(`no answer within ${PATIENCE / 1000} s`)), PATIENCE)
  try {
    return await Promise.race([connection.port().then(({ client }) => factsOf(client)), failed])
  } finally {
    clearTimeout(timer)
    connection.close()
  }
}

/** The same, over a connected client of either library. */
export async function factsOf(client: RedisClientLike): Promise<ServerFacts> {
  const ask = (...command: string[]) => send(client, command)
  await ask('PING')
  const asked = Date.now()
  const time = await ask('TIME').catch(() => undefined)
  const answered = Date.now()
  const scriptError = await ask('EVAL', 'return 1', '0').then(
    () => undefined,
    (error: Error) => error.message,
  )
  const middle = (asked + answered) / 2
  return {
    info: fieldsOf(String(await ask('INFO').catch(() => ''))),
    settings: {
      ...pairsOf(await ask('CONFIG', 'GET', 'save').catch(() => [])),
      ...pairsOf(await ask('CONFIG', 'GET', 'appendfsync').catch(() => [])),
    },
    scriptError,
    clockAhead: Array.isArray(time) ? Number(time[0]) * 1000 + Number(time[1]) / 1000 - middle : 0,
    clockError: (answered - asked) / 2,
  }
}

/** One command, by either library. */
function send(client: RedisClientLike, command: readonly string[]): Promise<unknown> {
  const { sendCommand, call } = client as {
    sendCommand?: (command: readonly string[]) => Promise<unknown>
    call?: (...command: readonly string[]) => Promise<unknown>
  }
  // ioredis has a sendCommand too, which takes an object.
  if (call !== undefined) return call.apply(client, [...command])
  return (sendCommand as NonNullable<typeof sendCommand>).call(client, command)
}

/** Lines of `name:value`, between headings. */
function fieldsOf(text: string): Record<string, string> {
  return Object.fromEntries(
    [...text.matchAll(/^(\w+):(.*?)\r?$/gm)].map(([, name, value]) => [name, value]),
  )
}

/** A list of names and values in turn, or, of RESP3, an object or a map. */
function pairsOf(reply: unknown): Record<string, string> {
  if (reply instanceof Map) return Object.fromEntries(reply)
  if (!Array.isArray(reply)) return { ...(reply as Record<string, string>) }
  return reply.length < 2 ? {} : { [String(reply[0])]: String(reply[1]) }
}
