// Odd multipliers and starting values, secret to this process. An attacker that cannot compute the hash cannot prepare
// keys that fall together, neither to crowd a bucket nor to spend a stranger's limit. Drawn when first needed:
// edge runtimes refuse randomness to a module that is being loaded.
let secrets: Int32Array | undefined

/**
 * Two independent 32-bit hashes of a string, left in the fields: a return value would be an allocation per call.
 * The last key is remembered, since calls for one key tend to follow each other.
 */
export class KeyHash {
  /** Says where the key belongs. */
  home = 0
  /** Says which key it is, to tell neighbours apart; never 0. */
  print = 0
  #last: string | undefined
  readonly #seedA: number
  readonly #seedB: number
  readonly #multiplierA: number
  readonly #multiplierB: number

  constructor() {
    secrets ??= crypto.getRandomValues(new Int32Array(4))
    const [seedA, seedB, secretA, secretB] = secrets as unknown as [number, number, number, number]
    this.#seedA = seedA
    this.#seedB = seedB
    this.#multiplierA = secretA | 1
    this.#multiplierB = secretB | 1
  }

  /** Takes the hash of `key`. @returns true when it is another key than the last */
  of(key: string): boolean {
    if (key === this.#last) return false
    const multiplierA = this.#multiplierA
    const multiplierB = this.#multiplierB
    let a = this.#seedA
    let b = this.#seedB
    for (let i = 0; i < key.length; i++) {
      const unit = key.charCodeAt(i)
      a = Math.imul(a ^ unit, multiplierA)
      a = (a << 15) | (a >>> 17)
      b = Math.imul(b ^ unit, multiplierB)
      b = (b << 13) | (b >>> 19)
    }
    this.home = mixed(a ^ key.length)
    this.print = mixed(b) || 1
    this.#last = key
    return true
  }
}

/** Every bit of the result depends on every bit of `h` (the finaliser of MurmurHash3, Austin Appleby). */
export function mixed(h: number): number {
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return h ^ (h >>> 16)
}
