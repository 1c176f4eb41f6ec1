import { alb } from './alb.ts'
import { auto, json } from './auto.ts'
import { clf, combined } from './clf.ts'
import { envoy } from './envoy.ts'
import { haproxy } from './haproxy.ts'
import { iis } from './iis.ts'
import { nlb } from './nlb.ts'
import { behindPrefix } from './prefix.ts'
import type { LineReader, LogFormat, Wanted } from './record.ts'
import { s3 } from './s3.ts'
import { cloudfront, w3c } from './w3c.ts'

const ALL = [auto, clf, combined, json, w3c, iis, cloudfront, alb, nlb, s3, haproxy, envoy] as const

/** The values of `--format`. */
export const FORMATS = [
  'auto',
  'clf',
  'combined',
  'json',
  'w3c',
  'iis',
  'cloudfront',
  'alb',
  'nlb',
  's3',
  'haproxy',
  'envoy',
] as const
export type Format = (typeof FORMATS)[number]

/** A reader for one file in this format. */
export function readerOf(format: Format, wanted: Wanted): LineReader {
  const found = ALL.find(({ name }) => name === format) as LogFormat
  const reader = found.reader(wanted)
  return found === auto ? reader : (line) => behindPrefix(line, reader)
}

/** The formats that some of `lines` can be read in. */
export function formatsOf(lines: readonly string[]): Format[] {
  const candidates = FORMATS.filter((name) => name !== 'auto' && name !== 'clf')
  return candidates.filter((name) => {
    const reader = readerOf(name, { key: 'path' })
    return lines.some((line) => typeof reader(line) !== 'string')
  })
}
