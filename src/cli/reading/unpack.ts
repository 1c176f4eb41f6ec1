import { pipeline, Readable, type Transform } from 'node:stream'
import * as zlib from 'node:zlib'
import { ReplayError } from '../replay-error.ts'
import { gunzipped } from './gunzip.ts'

const CHUNK = 256 * 1024

/** An archive that has swollen to more than this, and by more than the factor, without a line, is a bomb. */
const BOMB_BYTES = 256e6
const BOMB_FACTOR = 200

/** How far a log has come. */
export interface Unpacking {
  /** True when a line could be read, so the log is no bomb. */
  readable: boolean
  /** Bytes behind the end of an archive that are none of it. */
  junk: number
}

/**
 * The bytes of a log, unpacked when they begin like gzip or Zstandard, whatever the file is called.
 *
 * @throws ReplayError for what cannot be unpacked, and for an archive that swells without end and has no line in it
 */
export async function* unpacked(
  bytes: AsyncIterable<Uint8Array>,
  state: Unpacking,
  bombBytes: number = BOMB_BYTES,
): AsyncGenerator<Uint8Array> {
  const chunks = bytes[Symbol.asyncIterator]()
  let head = Buffer.alloc(0)
  // A pipe may hand over its first bytes one by one.
  while (head.length < 4) {
    const next = await chunks.next()
    if (next.done) break
    head = Buffer.concat([head, next.value])
  }
  let packed = 0
  const all = counted(chain(head, chunks), (length) => {
    packed += length
  })
  const unpack = unpackerFor(head)
  if (unpack === undefined) {
    yield* all
    return
  }
  let size = 0
  for await (const chunk of unpack(all, state)) {
    size += chunk.length
    if (!state.readable && size > bombBytes && size > packed * BOMB_FACTOR) {
      const [from, to] = [packed, size].map((bytes) => `${(bytes / 1e6).toFixed(1)} MB`)
      throw new ReplayError(
        `this is not a log: ${from} unpack to more than ${to}, and there is no line in them`,
      )
    }
    yield chunk
  }
}

type Unpack = (bytes: AsyncIterable<Uint8Array>, state: Unpacking) => AsyncIterable<Uint8Array>

function unpackerFor(head: Buffer): Unpack | undefined {
  const begins = (...bytes: number[]) => bytes.every((byte, i) => head[i] === byte)
  if (begins(0x1f, 0x8b)) {
    return (bytes, state) =>
      gunzipped(bytes, CHUNK, (length) => {
        state.junk = length
      })
  }
  if (begins(0x28, 0xb5, 0x2f, 0xfd)) return zstd()
  if (begins(0x42, 0x5a, 0x68)) throw new ReplayError(needs('bzip2', 'bzcat'))
  if (begins(0xfd, 0x37, 0x7a, 0x58)) throw new ReplayError(needs('xz', 'xzcat'))
  if (begins(0x50, 0x4b, 0x03, 0x04)) throw new ReplayError(needs('zip', 'unzip -p'))
  return undefined
}

type Unpacker = (options: { chunkSize: number }) => Transform

function zstd(): Unpack {
  const create = (zlib as { createZstdDecompress?: Unpacker }).createZstdDecompress
  if (create === undefined) {
    throw new ReplayError(
      `Zstandard needs Node 22.15 or later, and this is ${process.version}. Unpack the log first: zstdcat access.log.zst | aioflux replay - ...`,
    )
  }
  return (bytes) => {
    const unpacker = create({ chunkSize: CHUNK })
    // Its errors reach the reader of `unpacker`.
    pipeline(Readable.from(bytes, { objectMode: false }), unpacker, () => {})
    return unpacker
  }
}

function needs(format: string, command: string): string {
  return `${format} is not unpacked here. Unpack the log first: ${command} access.log | aioflux replay - ...`
}

async function* counted(
  bytes: AsyncIterable<Uint8Array>,
  add: (length: number) => void,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of bytes) {
    add(chunk.length)
    yield chunk
  }
}

async function* chain(
  head: Uint8Array,
  rest: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  if (head.length > 0) yield head
  for (let next = await rest.next(); !next.done; next = await rest.next()) yield next.value
}
