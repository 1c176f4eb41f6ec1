const ASCII = 127

/**
 * A name for a new holder of a lease, of 44 random bits: eight ASCII characters. They are the bytes of a whole number between 2 ** 50 and
 * 2 ** 51 as a double, the lowest first. So the state of a lease, which keeps a number, keeps the name as it was sent: for a server, to
 * read a number from text costs as much as a command.
 */
export function newHolder(): string {
  const a = Math.random() * 2 ** 23
  const b = Math.random() * 2 ** 21
  return String.fromCharCode(
    (a & 31) << 2,
    (a >> 5) & ASCII,
    (a >> 12) & ASCII,
    b & ASCII,
    (b >> 7) & ASCII,
    (b >> 14) & ASCII,
    0x10 | (a >> 19),
    0x43,
  )
}

const bytes = new DataView(new ArrayBuffer(8))

/** The number that the name of a holder stands for. */
export function numberOf(holder: string): number {
  for (let i = 0; i < 8; i++) bytes.setUint8(i, holder.charCodeAt(i))
  return bytes.getFloat64(0, true)
}
