import { clientWithPort } from './client.ts'
import { costOf, type LogFormat, NO_KEY, ownField } from './record.ts'
import { words } from './request-line.ts'
import { anyTime } from './times.ts'

/**
 * AWS Network Load Balancer, a line for each TLS connection
 * (https://docs.aws.amazon.com/elasticloadbalancing/latest/network/load-balancer-access-logs.html):
 *
 *     tls 2.0 2018-12-20T02:59:40 net/my-network-loadbalancer/c6e77e28c25b2234 g3d4b5e8bb8464cd 72.21.218.154:51341 172.100.100.185:443 5 2 98 246 - arn:... - ECDHE-RSA-AES128-SHA TLSv12 - example.com - - - 2018-12-20T02:59:30
 *
 * `time` is the end of the connection, in UTC; `--time tls_connection_creation_time` is its beginning.
 */
export const nlb: LogFormat = {
  name: 'nlb',
  reader({ key, time: timeField = 'time', cost }) {
    return (line) => {
      if (!SHAPE.test(line.slice(0, 600))) return 'shape'
      const found = words(line)
      const field = (name: string) => found[FIELDS.indexOf(ownField(SHORT, name) ?? name)]
      const named = (name: string) =>
        name === 'ip' ? clientWithPort(field('client') as string) : field(name)
      const time = anyTime(field(timeField))
      if (!(time >= 0)) return 'time'
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

/** Type, version, time, load balancer, listener, client and target. */
const SHAPE = /^[a-z]{1,8} \d+\.\d+ \d{4}-\d\d-\d\dT\S+ \S+ \S+ \S+:\d+ \S+:\d+ /

/** As AWS names them. */
const FIELDS: readonly string[] = [
  'type',
  'version',
  'time',
  'elb',
  'listener',
  'client',
  'destination',
  'connection_time',
  'tls_handshake_time',
  'received_bytes',
  'sent_bytes',
  'incoming_tls_alert',
  'chosen_cert_arn',
  'chosen_cert_serial',
  'tls_cipher',
  'tls_protocol_version',
  'tls_named_group',
  'domain_name',
  'alpn_fe_protocol',
  'alpn_be_protocol',
  'alpn_client_preference_list',
  'tls_connection_creation_time',
]

/** What other formats call these fields. */
const SHORT: Readonly<Record<string, string>> = { bytes: 'sent_bytes', host: 'domain_name' }
