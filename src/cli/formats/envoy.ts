import { clientKey, clientWithPort } from './client.ts'
import { costOf, type LogFormat, NO_KEY, ownField } from './record.ts'
import { requestMethod, requestPath, words } from './request-line.ts'
import { anyTime } from './times.ts'

/**
 * Envoy's default text format, and Istio's, which is longer
 * (https://www.envoyproxy.io/docs/envoy/latest/configuration/observability/access_log/usage#default-format-string):
 *
 *     [2016-04-15T20:17:00.310Z] "POST /api/v1/locations HTTP/2" 204 - 154 0 226 100 "10.0.35.28" "nsq2http" "cc21d9b0" "locations" "tcp://10.0.2.1:80"
 *
 * The client is the right-most public address of X-Forwarded-For; without the header, Istio's DOWNSTREAM_REMOTE_ADDRESS.
 */
export const envoy: LogFormat = {
  name: 'envoy',
  reader({ key, time: timeField, cost }) {
    if (timeField !== undefined && timeField !== 'time') return () => 'time'
    return (line) => {
      const open = line.indexOf('[')
      const close = open < 0 ? -1 : line.indexOf('] "', open)
      if (close < 0 || close - open > 40) return 'shape'
      const found = fieldsOf(words(line.slice(close + 2)))
      if (found === undefined) return 'shape'
      const time = anyTime(line.slice(open + 1, close))
      if (!(time >= 0)) return 'time'
      if (key === 'ip' && found['ip'] === '') return 'client'
      return {
        time,
        key: ownField(found, key) || NO_KEY,
        cost: cost === undefined ? 1 : costOf(ownField(found, cost)),
      }
    }
  },
}

/** Where the bytes received stand: Istio has three words more in front. */
const PLAIN = 3
const ISTIO = 6

function fieldsOf(found: readonly string[]): Record<string, string> | undefined {
  const [request = '', status = ''] = found
  if (!/^(\d{1,3}|-)$/.test(status)) return undefined
  const start = isNumber(found[PLAIN]) ? PLAIN : isNumber(found[ISTIO]) ? ISTIO : -1
  if (start < 0 || !isNumber(found[start + 1]) || !isNumber(found[start + 2])) return undefined
  const [forwarded = '', agent = '', , host = ''] = found.slice(start + 4)
  return {
    ip: clientKey(forwarded) || (start === ISTIO ? clientWithPort(found[start + 12] ?? '') : ''),
    forwarded,
    agent,
    host,
    status,
    bytes: found[start + 1] as string,
    method: requestMethod(request),
    path: requestPath(request),
  }
}

function isNumber(text: string | undefined): boolean {
  return text !== undefined && /^\d+$/.test(text)
}
