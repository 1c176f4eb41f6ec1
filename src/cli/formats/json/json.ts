import type { Millis } from '../../../core/duration.ts'
import { clientKey } from '../client.ts'
import {
  costOf,
  type Fault,
  type LineReader,
  type LogRecord,
  NO_KEY,
  ownField,
  type Wanted,
} from '../record.ts'
import { requestMethod, requestPath } from '../request-line.ts'
import { anyTime } from '../times.ts'
import { caddy } from './caddy.ts'
import { cloudflare } from './cloudflare.ts'
import { envoyJson } from './envoy-json.ts'
import { fieldAt, textAt } from './field.ts'
import { gcp } from './gcp.ts'
import { generic } from './generic.ts'
import { nginx } from './nginx.ts'
import { pino } from './pino.ts'
import type { JsonShape } from './shape.ts'
import { traefik } from './traefik.ts'
import { wrappedLine } from './wrapper.ts'

/** In the order in which a line is compared with them. */
const SHAPES: readonly JsonShape[] = [caddy, traefik, cloudflare, gcp, pino, envoyJson, nginx]

/** A line within a line within a line is still read, and no more. */
const DEEPEST = 3

/** A moment before 1973 is more likely a duration that a logger calls `time`, so any other field comes first. */
const IMPLAUSIBLE: Millis = 1e11

/**
 * Lines that are one JSON object each, of any vendor under `formats/json` or with the names of `generic`.
 *
 * @param inside reads a line of another format that stands in a field of the object, as Docker's json-file writes it
 */
export function jsonReader(wanted: Wanted, inside: LineReader): LineReader {
  const reader = new JsonReader(wanted, inside)
  return (line) => {
    const value = parsed(line)
    return value === undefined ? 'shape' : reader.read(value, 0, Number.NaN)
  }
}

class JsonReader {
  readonly #wanted: Wanted
  readonly #inside: LineReader
  /** The shape of the last line. A log seldom changes it. */
  #shape: JsonShape = generic

  constructor(wanted: Wanted, inside: LineReader) {
    this.#wanted = wanted
    this.#inside = inside
  }

  /** @param outer the time of the object round this one */
  read(value: object, depth: number, outer: Millis): LogRecord | Fault {
    const line = depth < DEEPEST ? wrappedLine(value) : undefined
    if (line !== undefined) {
      const nested = parsed(line.text)
      const found =
        nested === undefined
          ? this.#inside(line.text)
          : this.read(nested, depth + 1, firstTime(value, generic, generic))
      if (typeof found !== 'string' || line.surely) return found
    }
    const shape = this.#shapeOf(value)
    const time = this.#time(value, shape, outer)
    if (!(time >= 0)) return 'time'
    const { key, cost } = this.#wanted
    const counted = named(value, shape, key)
    if (key === 'ip' && counted === '') return 'client'
    return {
      time,
      key: counted || NO_KEY,
      cost: cost === undefined ? 1 : costOf(named(value, shape, cost)),
    }
  }

  #time(value: object, shape: JsonShape, outer: Millis): Millis {
    const { time } = this.#wanted
    if (time !== undefined) return anyTime(fieldAt(value, time))
    const found = firstTime(value, shape, generic)
    return Number.isNaN(found) ? outer : found
  }

  #shapeOf(value: object): JsonShape {
    const fits = ({ has }: JsonShape) => has.some((name) => fieldAt(value, name) !== undefined)
    if (this.#shape !== generic && fits(this.#shape)) return this.#shape
    this.#shape = SHAPES.find(fits) ?? generic
    return this.#shape
  }
}

function parsed(line: string): object | undefined {
  if (line.charCodeAt(0) !== 0x7b && line.trimStart()[0] !== '{') return undefined
  try {
    return JSON.parse(line) as object
  } catch {
    return undefined
  }
}

function firstTime(value: object, ...shapes: readonly JsonShape[]): Millis {
  let early = Number.NaN
  for (const { fields } of shapes) {
    for (const name of fields.time ?? []) {
      const time = anyTime(fieldAt(value, name))
      if (time >= IMPLAUSIBLE) return time
      if (time >= 0 && Number.isNaN(early)) early = time
    }
  }
  return early
}

/** The field that `--key` or `--cost` names, as text; '' when the line has none. */
function named(value: object, shape: JsonShape, name: string): string {
  const found =
    candidate(value, ownField(shape.fields, name), name) ||
    candidate(value, ownField(generic.fields, name), name)
  return found || (Object.hasOwn(generic.fields, name) ? '' : textAt(value, name))
}

function candidate(value: object, names: readonly string[] | undefined, field: string): string {
  if (names === undefined) return ''
  for (const name of names) {
    const found = readable(textAt(value, name), field, name)
    if (found !== '') return found
  }
  return ''
}

/** The text as the field that it is read for; '' when it cannot be one. */
function readable(text: string, field: string, name: string): string {
  if (text === '') return ''
  if (field === 'ip') return clientKey(text)
  if (field === 'path') return requestPath(text)
  // `GET /path HTTP/1.1` has the method in it.
  return field === 'method' && name === 'request' ? requestMethod(text) : text
}
