import type { JsonShape } from './shape.ts'

/**
 * Load balancers of Google Cloud, one log entry a line
 * (https://cloud.google.com/logging/docs/reference/v2/rest/v2/LogEntry#HttpRequest):
 *
 *     {"httpRequest":{"requestMethod":"GET","requestUrl":"https://example.com/x","status":200,"remoteIp":"203.0.113.1","latency":"0.05s"},"timestamp":"2023-12-13T16:33:01.431970Z","receiveTimestamp":"2023-12-13T16:33:02Z"}
 */
export const gcp: JsonShape = {
  name: 'gcp',
  has: ['httpRequest.remoteIp', 'httpRequest.requestUrl'],
  fields: {
    time: ['timestamp', 'receiveTimestamp'],
    ip: ['httpRequest.remoteIp'],
    path: ['httpRequest.requestUrl'],
    method: ['httpRequest.requestMethod'],
    status: ['httpRequest.status'],
    agent: ['httpRequest.userAgent'],
    referer: ['httpRequest.referer'],
    bytes: ['httpRequest.responseSize'],
  },
}
