import type { JsonShape } from './shape.ts'

/**
 * Caddy (https://caddyserver.com/docs/caddyfile/directives/log):
 *
 *     {"level":"info","ts":1646861401.5241024,"logger":"http.log.access","msg":"handled request","request":{"remote_ip":"127.0.0.1","remote_port":"41342","client_ip":"127.0.0.1","proto":"HTTP/2.0","method":"GET","host":"localhost","uri":"/","headers":{}},"user_id":"","duration":0.000929675,"size":10900,"status":200}
 *
 * `client_ip` follows Caddy's `trusted_proxies`, so it comes before `remote_ip`.
 */
export const caddy: JsonShape = {
  name: 'caddy',
  has: ['request.uri', 'request.client_ip', 'request.remote_ip', 'request.remote_addr'],
  fields: {
    time: ['ts'],
    ip: ['request.client_ip', 'request.remote_ip', 'request.remote_addr'],
    path: ['request.uri'],
    user: ['user_id'],
    method: ['request.method'],
    host: ['request.host'],
    agent: ['request.headers.User-Agent'],
    referer: ['request.headers.Referer'],
    bytes: ['size'],
    forwarded: ['request.headers.X-Forwarded-For'],
  },
}
