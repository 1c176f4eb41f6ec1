import { clientWithPort } from './client.ts'
import { costOf, type LogFormat, NO_KEY, ownField } from './record.ts'
import { requestMethod, requestPath, words } from './request-line.ts'
import { anyTime } from './times.ts'

/**
 * AWS Application Load Balancer
 * (https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-access-logs.html):
 *
 *     http 2018-07-02T22:23:00.186641Z app/my-loadbalancer/50dc6c495c0c9188 192.168.131.39:2817 10.0.0.1:80 0.000 0.001 0.000 200 200 34 366 "GET http://www.example.com:80/ HTTP/1.1" "curl/7.46.0" - - arn:... "Root=1-58337262" "-" "-" 0 2018-07-02T22:22:48.364000Z "forward" "-" "-"
 *
 * The Classic Load Balancer writes the same without the type in front. `time` is the moment of the response;
 * `--time request_creation_time` is the moment of the request.
 */
export const alb: LogFormat = {
  name: 'alb',
  reader({ key, time: timeField = 'time', cost }) {
    return (line) => {
      // The type is a short word, so the second word or the first is the time.
      if (!/^(?:[a-z\d]{1,8} )?\d{4}-\d\d-\d\dT\S+ \S+ \S*:\d+ /.test(line.slice(0, 400))) {
        return 'shape'
      }
      const found = words(line)
      const typed = /^[a-z]/.test(found[0] as string)
      const names = typed ? FIELDS : FIELDS.slice(1)
      const field = (name: string) => found[names.indexOf(name)]
      const request = field('request')
      if (request === undefined) return 'shape'
      const time = anyTime(field(timeField))
      if (!(time >= 0)) return 'time'
      const named = (name: string) => {
        if (name === 'ip') return clientWithPort(field('client') as string)
        if (name === 'path') return requestPath(request)
        if (name === 'method') return requestMethod(request)
        return field(ownField(SHORT, name) ?? name)
      }
      const counted = named(key)
      if (key === 'ip' && counted === '') return 'client'
      return {
        time,
        key: counted || NO_KEY,
        cost: cost === undefined ? 1 : costOf(named(cost)),
      }
    }
  },
}

/** As AWS names them. */
const FIELDS: readonly string[] = [
  'type',
  'time',
  'elb',
  'client',
  'target',
  'request_processing_time',
  'target_processing_time',
  'response_processing_time',
  'elb_status_code',
  'target_status_code',
  'received_bytes',
  'sent_bytes',
  'request',
  'user_agent',
  'ssl_cipher',
  'ssl_protocol',
  'target_group_arn',
  'trace_id',
  'domain_name',
  'chosen_cert_arn',
  'matched_rule_priority',
  'request_creation_time',
  'actions_executed',
  'redirect_url',
  'error_reason',
]

/** What other formats call these fields. */
const SHORT: Readonly<Record<string, string>> = {
  status: 'elb_status_code',
  bytes: 'sent_bytes',
  agent: 'user_agent',
  host: 'domain_name',
}
