import type { JsonShape } from './shape.ts'

/**
 * Cloudflare Logpush, dataset HTTP requests
 * (https://developers.cloudflare.com/logs/logpush/logpush-job/datasets/zone/http_requests/):
 *
 *     {"ClientIP":"203.0.113.1","ClientRequestHost":"example.com","ClientRequestMethod":"GET","ClientRequestURI":"/x","EdgeStartTimestamp":"2023-12-13T16:33:01Z","EdgeEndTimestamp":"2023-12-13T16:33:01Z","EdgeResponseStatus":200}
 *
 * The timestamps may also be numbers: nanoseconds or seconds since 1970.
 */
export const cloudflare: JsonShape = {
  name: 'cloudflare',
  has: ['EdgeStartTimestamp', 'EdgeEndTimestamp', 'ClientRequestURI', 'RayID'],
  fields: {
    time: ['EdgeStartTimestamp', 'EdgeEndTimestamp', 'Datetime'],
    ip: ['ClientIP'],
    path: ['ClientRequestURI', 'ClientRequestPath'],
    method: ['ClientRequestMethod'],
    status: ['EdgeResponseStatus'],
    host: ['ClientRequestHost'],
    agent: ['ClientRequestUserAgent'],
    referer: ['ClientRequestReferer'],
    bytes: ['EdgeResponseBytes'],
  },
}
