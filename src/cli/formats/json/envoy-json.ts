import type { JsonShape } from './shape.ts'

/**
 * Envoy and Istio with JSON (https://istio.io/latest/docs/tasks/observability/logs/access-log/):
 *
 *     {"start_time":"2020-11-25T21:26:18.409Z","method":"GET","path":"/status/418","response_code":418,"x_forwarded_for":"203.0.113.1","downstream_remote_address":"10.44.1.23:37652","authority":"httpbin:8000","bytes_sent":135}
 *
 * The client is the right-most public address of `x_forwarded_for`, as in the text format.
 */
export const envoyJson: JsonShape = {
  name: 'envoy',
  has: ['downstream_remote_address', 'x_envoy_original_path', 'upstream_cluster'],
  fields: {
    time: ['start_time'],
    ip: ['x_forwarded_for', 'downstream_remote_address'],
    path: ['x_envoy_original_path', 'path'],
    method: ['method'],
    status: ['response_code'],
    host: ['authority'],
    agent: ['user_agent'],
    bytes: ['bytes_sent'],
    forwarded: ['x_forwarded_for'],
  },
}
