import { fieldAt } from './field.ts'

/** A line that stands in a field of a JSON object. */
export interface WrappedLine {
  readonly text: string
  /** True where the object has nothing to say of its own. */
  readonly surely: boolean
}

/**
 * The line that a collector of logs put into a JSON object:
 *
 *     {"log":"203.0.113.1 - - [07/Mar/2024:09:00:01 +0000] \"GET / HTTP/1.1\" 200 5\n","stream":"stdout","time":"2024-03-07T09:00:01.5Z"}
 *
 * Docker's json-file and Fluent Bit (`log`), journalctl -o json (`MESSAGE`), Filebeat and Logstash (`message`).
 */
export function wrappedLine(value: object): WrappedLine | undefined {
  const log = fieldAt(value, 'log')
  if (typeof log === 'string') {
    return { text: log.trimEnd(), surely: fieldAt(value, 'stream') !== undefined }
  }
  const message = fieldAt(value, 'MESSAGE') ?? fieldAt(value, 'message')
  // Most messages are words for people. Looking into each would cost as much as a line.
  if (typeof message !== 'string' || !/^\s*\{| \[|\t|"\w+ \//.test(message)) return undefined
  return { text: message.trimEnd(), surely: false }
}
