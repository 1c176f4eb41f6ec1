import type { JsonShape } from './shape.ts'

/**
 * pino-http (https://github.com/pinojs/pino-http), with the time in milliseconds, and bunyan with its serialiser for
 * requests (https://github.com/trentm/node-bunyan#standard-serializers), with the time in ISO 8601:
 *
 *     {"level":30,"time":1702485180000,"pid":1,"req":{"method":"GET","url":"/x","headers":{"host":"h"},"remoteAddress":"203.0.113.1","remotePort":5},"res":{"statusCode":200},"responseTime":2,"msg":"request completed"}
 *     {"name":"app","hostname":"web-1","pid":1,"level":30,"req":{"method":"GET","url":"/x","remoteAddress":"203.0.113.1"},"msg":"","time":"2023-12-13T16:33:01.431Z","v":0}
 */
export const pino: JsonShape = {
  name: 'pino',
  has: ['req.remoteAddress', 'req.url'],
  fields: {
    time: ['time'],
    ip: ['req.remoteAddress', 'remoteAddress'],
    path: ['req.url'],
    user: ['req.user', 'req.username', 'username'],
    method: ['req.method'],
    status: ['res.statusCode'],
    host: ['req.headers.host'],
    agent: ['req.headers.user-agent'],
    referer: ['req.headers.referer'],
    bytes: ['res.headers.content-length'],
    forwarded: ['req.headers.x-forwarded-for'],
  },
}
