/** RFC 9651: an Integer has at most 15 digits. */
const LARGEST = 999_999_999_999_999

/** A String of RFC 9651. What its printable ASCII cannot say is percent-encoded, so that names stay different. */
export function sfString(text: string): string {
  const plain = text.replace(/[^\x20-\x7e]/gu, encoded).replace(/["\\]/g, '\\$&')
  return `"${plain}"`
}

/** An Integer of RFC 9651 that is not negative. */
export function sfInteger(value: number): number {
  return Math.max(0, Math.min(LARGEST, value))
}

function encoded(symbol: string): string {
  try {
    return encodeURIComponent(symbol)
  } catch {
    return '%EF%BF%BD' // half of a surrogate pair, as UTF-8 shows it
  }
}
