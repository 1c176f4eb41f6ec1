import type { Fault, LineReader, LogRecord } from './record.ts'

/**
 * What programs write in front of the lines that they pass on:
 *
 *     <13>1 2024-03-07T09:00:01Z web-1 nginx 812 - -     syslog, RFC 5424
 *     <13>Mar  7 09:00:01 web-1 nginx[812]:              syslog, RFC 3164, and journalctl
 *     2024-03-07T09:00:01.123456+00:00 web-1 nginx:      rsyslog
 *     2024-03-07T09:00:01.123456789Z stdout F            container runtimes (CRI)
 *     2024-03-07T09:00:01.123456789Z                     docker logs -t, kubectl logs --timestamps
 *     web-1  |                                           docker compose logs
 *     [pod/web-1/nginx]                                  kubectl logs --prefix
 *     logs/access.log:12:                                grep -Hn
 */
const PREFIXES: readonly RegExp[] = [
  /^(?:<\d{1,3}>)?1 \S+ \S+ \S+ \S+ \S+ (?:-|(?:\[(?:[^\]"]|"(?:[^"\\]|\\.)*")*\])+) (?:\ufeff)?/,
  /^(?:<\d{1,3}>)?[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \S+ [^\s:[\]]+(?:\[\d+\])?: /,
  /^(?:<\d{1,3}>)?\d{4}-\d\d-\d\dT\S+ \S+ [^\s:[\]]+(?:\[\d+\])?: /,
  /^\d{4}-\d\d-\d\dT\S+ std(?:out|err) [FP] /,
  /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\S* /,
  /^[\w.-]+ +\| /,
  /^\[[\w./-]+\] /,
  /^[\w./@+~-]+:(?:\d+:)?(?=\S)/,
]

/** In front of a line there may be two or three of them: `docker compose logs` of a container that writes for syslog. */
const MOST = 3

/**
 * The record of a line that `read` does not know as it is: without the prefix in front of it, or the prefixes. One at a
 * time, because the first words of some formats look like a prefix too.
 *
 * @returns the first record, or else the fault that says most
 */
export function behindPrefix(line: string, read: LineReader): LogRecord | Fault {
  let rest = line
  let found = read(line)
  for (let i = 0; i < MOST && typeof found === 'string' && found !== 'comment'; i++) {
    const prefix = PREFIXES.find((pattern) => pattern.test(rest))
    if (prefix === undefined) break
    rest = rest.replace(prefix, '')
    const behind = read(rest)
    if (behind !== 'shape') found = behind
  }
  return found
}
