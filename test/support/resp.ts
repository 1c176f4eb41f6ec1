import { connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'

export type Reply = string | number | null | Reply[]

/** An error reply of the server, e.g. `MOVED 1 127.0.0.1:7001`; `code` is its first word. */
export class ReplyError extends Error {
  readonly code: string
  constructor(message: string) {
    super(message)
    this.name = 'ReplyError'
    this.code = message.split(' ', 1)[0] as string
  }
}

/**
 * One command on a connection of its own, so that the harness needs no client and no state outlives a restart.
 * Rejects after `within` milliseconds at the latest.
 */
export async function redisCommand(
  url: string,
  args: readonly (string | number)[],
  within = 5_000,
): Promise<Reply> {
  const { protocol, hostname, port, username, password } = new URL(url)
  const host = hostname.replace(/^\[|\]$/g, '') || '127.0.0.1'
  const at = { host, port: Number(port || 6379) }
  const socket = protocol === 'rediss:' ? connectTls({ ...at, servername: host }) : connect(at)
  try {
    const commands: (readonly (string | number)[])[] = [args]
    if (password !== '') {
      const user = username === '' ? [] : [decodeURIComponent(username)]
      commands.unshift(['AUTH', ...user, decodeURIComponent(password)])
    }
    const replies = await exchange(socket, commands, within, `${args[0]} at ${host}:${at.port}`)
    for (const reply of replies) if (reply instanceof ReplyError) throw reply
    return replies.at(-1) as Reply
  } finally {
    socket.destroy()
  }
}

function exchange(
  socket: Socket,
  commands: readonly (readonly (string | number)[])[],
  within: number,
  what: string,
): Promise<unknown[]> {
  return new Promise((resolve, reject) => {
    const fail = (why: string, cause?: Error) => reject(new Error(`${what}: ${why}`, { cause }))
    const timer = setTimeout(() => fail(`no answer within ${within} ms`), within)
    const replies: unknown[] = []
    let bytes = Buffer.alloc(0)
    socket.on('error', (error: NodeJS.ErrnoException) => fail(error.code ?? error.message, error))
    socket.on('close', () => {
      clearTimeout(timer)
      fail('connection closed before the answer')
    })
    socket.on('data', (chunk) => {
      bytes = Buffer.concat([bytes, chunk])
      for (let parsed = parse(bytes, 0); parsed !== undefined; parsed = parse(bytes, 0)) {
        replies.push(parsed.value)
        bytes = bytes.subarray(parsed.end)
        if (replies.length === commands.length) resolve(replies)
      }
    })
    socket.write(commands.map(encode).join(''))
  })
}

function encode(args: readonly (string | number)[]): string {
  const bulks = args.map((arg) => `$${Buffer.byteLength(String(arg))}\r\n${arg}\r\n`)
  return `*${args.length}\r\n${bulks.join('')}`
}

/** The RESP2 value at `start` and where it ends, or undefined while bytes are missing. */
function parse(bytes: Buffer, start: number): { value: unknown; end: number } | undefined {
  const eol = bytes.indexOf('\r\n', start)
  if (eol < 0) return undefined
  const line = bytes.toString('utf8', start + 1, eol)
  let end = eol + 2
  switch (String.fromCharCode(bytes[start] as number)) {
    case '+':
      return { value: line, end }
    case '-':
      return { value: new ReplyError(line), end }
    case ':':
      return { value: Number(line), end }
    case '$': {
      const length = Number(line)
      if (length < 0) return { value: null, end }
      if (bytes.length < end + length + 2) return undefined
      return { value: bytes.toString('utf8', end, end + length), end: end + length + 2 }
    }
    case '*': {
      if (Number(line) < 0) return { value: null, end }
      const value: unknown[] = []
      while (value.length < Number(line)) {
        const item = parse(bytes, end)
        if (item === undefined) return undefined
        value.push(item.value)
        end = item.end
      }
      return { value, end }
    }
    default:
      throw new Error(`not RESP: ${JSON.stringify(line)}`)
  }
}
