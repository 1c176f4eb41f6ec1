import { clientWithPort } from './client.ts'
import { costOf, type LogFormat, NO_KEY, type Wanted } from './record.ts'
import { quoted, requestMethod, requestPath } from './request-line.ts'
import { clfTime } from './times.ts'

/**
 * HAProxy's HTTP and TCP log formats (https://docs.haproxy.org/3.0/configuration.html#8.2.3):
 *
 *     haproxy[14389]: 10.0.1.2:33317 [06/Feb/2009:12:14:14.655] http-in static/srv1 10/0/30/69/109 200 2750 - - ---- 1/1/1/1/0 0/0 {1wt.eu} {} "GET /index.html HTTP/1.1"
 *
 * HAProxy writes local time without a zone, so the times of the report are those of the log. `option httplog clf` is the
 * common log format.
 */
export const haproxy: LogFormat = {
  name: 'haproxy',
  reader(wanted) {
    if (wanted.time !== undefined && wanted.time !== 'time') return () => 'time'
    return (line) => {
      const bracket = line.indexOf(' [', line.indexOf(':') + 1)
      if (bracket <= 0) return 'shape'
      const close = line.indexOf('] ', bracket)
      if (close < 0 || close - bracket > 40) return 'shape'
      const parts = AFTER.exec(line.slice(close + 2, close + 1000))
      if (parts === null) return 'shape'
      const time = clfTime(line, bracket + 2)
      if (!(time >= 0)) return 'time'
      const client = clientWithPort(line.slice(line.lastIndexOf(' ', bracket - 1) + 1, bracket))
      if (client === '' && wanted.key === 'ip') return 'client'
      const field = (name: string) => fieldOf(name, client, parts, line, close)
      const cost = wanted.cost === undefined ? 1 : costOf(field(wanted.cost))
      return { time, key: field(wanted.key) || NO_KEY, cost }
    }
  },
}

// frontend backend/server timers, then status and bytes (HTTP) or bytes alone (TCP).
const AFTER =
  /^(\S+) ([^\s/]+)\/(\S+) [+-]?\d+(?:\/[+-]?\d+){2,4} (?:(\d{3}|-1) )?\+?(\d+) .*?[\w-]{2,4} \d+\/\d+\/\d+\/\d+/

function fieldOf(
  name: Wanted['key'],
  client: string,
  [, frontend = '', backend = '', server = '', status = '', bytes = '']: RegExpExecArray,
  line: string,
  close: number,
): string {
  switch (name) {
    case 'ip':
      return client
    case 'frontend':
      return frontend
    case 'backend':
      return backend
    case 'server':
      return server
    case 'status':
      return status
    case 'bytes':
      return bytes
    case 'path':
      return requestPath(quoted(line, close)[0])
    case 'method':
      return requestMethod(quoted(line, close)[0])
    default:
      return ''
  }
}

/** True for a line that the common log format could take for its own. */
export function looksLikeHaproxy(afterTime: string): boolean {
  return AFTER.test(afterTime)
}
