import { clientKey } from './client.ts'
import { costOf, type LogFormat, NO_KEY, ownField } from './record.ts'
import { requestMethod, requestPath, words } from './request-line.ts'
import { clfTime } from './times.ts'

/**
 * AWS S3 server access logs (https://docs.aws.amazon.com/AmazonS3/latest/userguide/LogFormat.html):
 *
 *     79a59df900b949e5... amzn-s3-demo-bucket1 [06/Feb/2019:00:00:38 +0000] 192.0.2.3 79a59df900b949e5... 3E57427F3EXAMPLE REST.GET.VERSIONING - "GET /amzn-s3-demo-bucket1?versioning HTTP/1.1" 200 - 113 - 7 - "-" "S3Console/0.4" - ...
 *
 * What S3 does by itself, such as the expiry of objects, names no client.
 */
export const s3: LogFormat = {
  name: 's3',
  reader({ key, time: timeField, cost }) {
    if (timeField !== undefined && timeField !== 'time') return () => 'time'
    return (line) => {
      if (!SHAPE.test(line.slice(0, 300))) return 'shape'
      const open = line.indexOf(' [')
      const behind = line.slice(line.indexOf('] ') + 2)
      if (!looksLikeS3(behind.slice(0, 400))) return 'shape'
      const time = clfTime(line, open + 2)
      if (!(time >= 0)) return 'time'
      const found = [...words(line.slice(0, open)), ...words(behind)]
      const field = (name: string) => found[FIELDS.indexOf(name)]
      const named = (name: string) => {
        if (name === 'ip') return clientKey(field('remote_ip') as string)
        if (name === 'path') return requestPath(field('request_uri') ?? '')
        if (name === 'method') return requestMethod(field('request_uri') ?? '')
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

/** True for the text that S3 writes behind the time: client, requester, the number of the request, and an operation like REST.GET.OBJECT. */
export function looksLikeS3(text: string): boolean {
  return /^\S+ \S+ \S+ [A-Z\d]{1,16}\.[A-Z\d_.]+ /.test(text)
}

/** Owner, bucket and time. */
const SHAPE = /^\S+ \S+ \[[^\]]{26}\] /

/** As AWS names them, without the time. */
const FIELDS: readonly string[] = [
  'bucket_owner',
  'bucket',
  'remote_ip',
  'requester',
  'request_id',
  'operation',
  'key',
  'request_uri',
  'http_status',
  'error_code',
  'bytes_sent',
  'object_size',
  'total_time',
  'turn_around_time',
  'referer',
  'user_agent',
  'version_id',
  'host_id',
  'signature_version',
  'cipher_suite',
  'authentication_type',
  'host_header',
  'tls_version',
  'access_point_arn',
  'acl_required',
]

/** What other formats call these fields. */
const SHORT: Readonly<Record<string, string>> = {
  user: 'requester',
  status: 'http_status',
  bytes: 'bytes_sent',
  agent: 'user_agent',
  host: 'host_header',
}
