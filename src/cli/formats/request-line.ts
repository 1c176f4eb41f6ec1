import { NO_KEY } from './record.ts'

// Every search here goes forward once, so a hostile line costs no more than an honest one.

/** The path of `GET /path?query HTTP/1.1` or of a URL, without query and fragment; '' when there is none. */
export function requestPath(request: string): string {
  const space = request.indexOf(' ')
  if (space < 0) return request === NO_KEY || !request.includes('/') ? '' : bare(request)
  const end = request.indexOf(' ', space + 1)
  return bare(request.slice(space + 1, end < 0 ? undefined : end))
}

/** The method of `GET /path HTTP/1.1`; '' when there is none. */
export function requestMethod(request: string): string {
  const space = request.indexOf(' ')
  return space > 0 ? request.slice(0, space) : ''
}

function bare(target: string): string {
  let start = 0
  if (!target.startsWith('/')) {
    const scheme = target.indexOf('://')
    if (scheme > 0) {
      start = target.indexOf('/', scheme + 3)
      if (start < 0) return '/'
    }
  }
  let end = start
  for (; end < target.length; end++) {
    const code = target.charCodeAt(end)
    if (code === 0x3f || code === 0x23) break // ? and #
  }
  return target.slice(start, end)
}

/** The next quoted text from `from` on, and the position after it. */
export function quoted(line: string, from: number): [text: string, next: number] {
  const open = line.indexOf('"', from)
  if (open < 0) return ['', line.length]
  const close = closingQuote(line, open + 1)
  return close < 0 ? ['', line.length] : [line.slice(open + 1, close), close + 1]
}

/** Where a quoted text ends. Servers write a quote within it as `\"`, and a backslash as `\\`. */
export function closingQuote(line: string, from: number): number {
  let close = line.indexOf('"', from)
  if (close < 0 || line.charCodeAt(close - 1) !== 0x5c) return close
  for (close = from; close < line.length; close++) {
    const code = line.charCodeAt(close)
    if (code === 0x22) return close
    if (code === 0x5c) close += 1
  }
  return -1
}

/** The words of a line. A text in quotes is one word, and its quotes are left out. */
export function words(line: string): string[] {
  const found: string[] = []
  for (let at = 0; at < line.length; ) {
    if (line.charCodeAt(at) === 0x20) {
      at += 1
    } else if (line.charCodeAt(at) === 0x22) {
      const close = closingQuote(line, at + 1)
      const end = close < 0 ? line.length : close
      found.push(line.slice(at + 1, end))
      at = end + 1
    } else {
      const space = line.indexOf(' ', at)
      const end = space < 0 ? line.length : space
      found.push(line.slice(at, end))
      at = end
    }
  }
  return found
}
