import * as zlib from 'node:zlib'
import { ReplayError } from '../replay-error.ts'

/** Node has it from 20.15 on. Without it the length alone is compared. */
const crc32 = (zlib as { crc32?: (data: Uint8Array, value: number) => number }).crc32

/**
 * The bytes that are packed in `bytes`: one member of gzip after the other, as `cat a.gz b.gz` and log shippers write them.
 *
 * `zlib.createGunzip` loses what is in front of bytes that are no member. Here all members are read, and `junk` is told how many
 * bytes follow the last one; zeros, which tapes and disks add, are no junk.
 *
 * @throws ReplayError for a damaged member; an error of zlib for one that ends too soon
 */
export async function* gunzipped(
  bytes: AsyncIterable<Uint8Array>,
  chunkSize: number,
  junk: (length: number) => void,
): AsyncGenerator<Uint8Array> {
  const input = new Input(bytes)
  while (await isMember(input)) {
    await skipHeader(input)
    let [crc, length] = [0, 0]
    for await (const chunk of inflated(input, chunkSize)) {
      crc = crc32?.(chunk, crc) ?? 0
      length = (length + chunk.length) >>> 0
      yield chunk
    }
    const end = await input.take(8)
    const view = new DataView(end.buffer, end.byteOffset)
    const damaged = crc32 !== undefined && view.getUint32(0, true) !== crc
    if (damaged || view.getUint32(4, true) !== length)
      throw new ReplayError('the packed file is damaged')
  }
  const rest = await countRest(input)
  if (rest > 0) junk(rest)
}

async function isMember(input: Input): Promise<boolean> {
  const [one, two] = await input.peek(2)
  return one === 0x1f && two === 0x8b
}

/** What a header may have beside its ten bytes (RFC 1952). */
const [FHCRC, FEXTRA, FNAME, FCOMMENT] = [2, 4, 8, 16]

async function skipHeader(input: Input): Promise<void> {
  const flags = (await input.take(10))[3] as number
  if (flags & FEXTRA) {
    const [low, high] = await input.take(2)
    await input.take((low as number) | ((high as number) << 8))
  }
  for (const text of [FNAME, FCOMMENT]) {
    if (flags & text) while ((await input.take(1))[0] !== 0);
  }
  if (flags & FHCRC) await input.take(2)
}

/** A piece this small never unpacks to more than 16 MB. */
const PIECE = 16 * 1024

/** What the deflate stream at the beginning of `input` holds; `input` then begins behind that stream. */
async function* inflated(input: Input, chunkSize: number): AsyncGenerator<Uint8Array> {
  const inflate = zlib.createInflateRaw({ chunkSize })
  const ready: Uint8Array[] = []
  let ended = false
  let failure: Error | undefined
  const over = new Promise<void>((resolve) => {
    inflate.on('data', (chunk: Uint8Array) => ready.push(chunk))
    inflate.once('end', () => {
      ended = true
      resolve()
    })
    inflate.once('error', (error) => {
      failure = error
      resolve()
    })
  })
  try {
    for (;;) {
      const piece = await input.next(PIECE)
      const before = inflate.bytesWritten
      if (piece === undefined) {
        inflate.end()
        await over
      } else {
        const written = new Promise<void>((resolve) => inflate.write(piece, () => resolve()))
        await Promise.race([written, over])
        input.giveBack(piece.subarray(inflate.bytesWritten - before))
      }
      yield* ready.splice(0)
      if (failure !== undefined) throw failure
      if (ended) return
    }
  } finally {
    inflate.destroy()
  }
}

/** Bytes to be read in any portions. */
class Input {
  readonly #chunks: AsyncIterator<Uint8Array>
  #rest: Uint8Array = new Uint8Array()

  constructor(bytes: AsyncIterable<Uint8Array>) {
    this.#chunks = bytes[Symbol.asyncIterator]()
  }

  /** The next bytes, `most` at most; `undefined` at the end. */
  async next(most: number = Infinity): Promise<Uint8Array | undefined> {
    while (this.#rest.length === 0) {
      const chunk = await this.#chunks.next()
      if (chunk.done) return undefined
      this.#rest = chunk.value
    }
    const found = this.#rest.subarray(0, most)
    this.#rest = this.#rest.subarray(found.length)
    return found
  }

  /** Puts bytes back in front of the others. */
  giveBack(bytes: Uint8Array): void {
    if (bytes.length > 0) this.#rest = Buffer.concat([bytes, this.#rest])
  }

  /** The next `length` bytes, or fewer at the end; they stay where they are. */
  async peek(length: number): Promise<Uint8Array> {
    const found: Uint8Array[] = []
    for (let size = 0; size < length; ) {
      const bytes = await this.next(length - size)
      if (bytes === undefined) break
      found.push(bytes)
      size += bytes.length
    }
    const all = Buffer.concat(found)
    this.giveBack(all)
    return all
  }

  /** The next `length` bytes. @throws an error of code Z_BUF_ERROR where there are fewer */
  async take(length: number): Promise<Uint8Array> {
    const found = await this.peek(length)
    if (found.length < length) {
      throw Object.assign(new Error('unexpected end of file'), { code: 'Z_BUF_ERROR' })
    }
    for (let left = length; left > 0; ) left -= (await this.next(left))?.length ?? left
    return found
  }
}

/** Counts the bytes that are left, from the first that is no zero. */
async function countRest(input: Input): Promise<number> {
  let rest = 0
  for (let chunk = await input.next(); chunk !== undefined; chunk = await input.next()) {
    const first = rest > 0 ? 0 : chunk.findIndex((byte) => byte !== 0)
    if (first >= 0) rest += chunk.length - first
  }
  return rest
}
