import type { JsonShape } from './shape.ts'

/**
 * nginx with `log_format ... escape=json`; the names are nginx' variables
 * (https://nginx.org/en/docs/http/ngx_http_log_module.html, https://nginx.org/en/docs/varindex.html):
 *
 *     {"time_local":"15/Oct/2023:17:53:31 +0800","remote_addr":"203.0.113.1","request_uri":"/p?a=1","status":"200"}
 *
 * `msec` is the most exact of its times.
 */
export const nginx: JsonShape = {
  name: 'nginx',
  has: ['remote_addr', 'request_uri', 'time_local', 'time_iso8601', 'msec'],
  fields: {
    time: ['msec', 'time_iso8601', 'time_local'],
    ip: ['remote_addr'],
    path: ['request_uri', 'uri', 'request'],
    user: ['remote_user'],
    method: ['request_method', 'request'],
    host: ['host', 'http_host', 'server_name'],
    agent: ['http_user_agent'],
    referer: ['http_referer', 'http_referrer'],
    bytes: ['bytes_sent', 'body_bytes_sent'],
    forwarded: ['http_x_forwarded_for'],
  },
}
