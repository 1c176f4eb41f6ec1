import type { JsonShape } from './shape.ts'

/**
 * Traefik with `format: json` (https://doc.traefik.io/traefik/observe/logs-and-access-logs/):
 *
 *     {"ClientAddr":"203.0.113.1:5555","ClientHost":"203.0.113.1","RequestMethod":"GET","RequestPath":"/x","StartUTC":"2023-12-13T16:33:01.43197025Z","DownstreamStatus":200,"time":"2023-12-13T16:33:01Z"}
 *
 * `StartUTC` is the moment of the request; `time` is the moment of the line.
 */
export const traefik: JsonShape = {
  name: 'traefik',
  has: ['StartUTC', 'ClientHost', 'RequestPath', 'DownstreamStatus'],
  fields: {
    time: ['StartUTC', 'StartLocal', 'time'],
    ip: ['ClientHost', 'ClientAddr'],
    path: ['RequestPath'],
    user: ['ClientUsername'],
    method: ['RequestMethod'],
    status: ['DownstreamStatus', 'OriginStatus'],
    host: ['RequestHost', 'RequestAddr'],
    agent: ['request_User-Agent'],
    referer: ['request_Referer'],
    bytes: ['DownstreamContentSize'],
    forwarded: ['request_X-Forwarded-For'],
  },
}
