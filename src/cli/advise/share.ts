import { OptionRangeError, OptionTypeError } from '../../core/errors.ts'

/** A share as an exact fraction, so that 0.1 % of 3,000 is 3 and not a little less. */
export interface Share {
  readonly numerator: bigint
  readonly denominator: bigint
  /** From 0 to 1. */
  readonly value: number
}

/**
 * Reads `0.1%`, `5%` or `0.001`.
 *
 * @throws OptionTypeError | OptionRangeError naming the option and its value
 */
export function parseShare(option: string, text: string): Share {
  const match = /^(\d*)(?:\.(\d+))?\s*(%)?$/.exec(text)
  const [, whole = '', fraction = '', percent] = match ?? []
  if (match === null || whole + fraction === '') {
    throw new OptionTypeError(option, `${option} must be a share like 0.1% or 0.001, got '${text}'`)
  }
  const numerator = BigInt(whole + fraction)
  const denominator = 10n ** BigInt(fraction.length + (percent === undefined ? 0 : 2))
  if (numerator > denominator) {
    throw new OptionRangeError(option, `${option} must be at most 100% (5% is 0.05), got '${text}'`)
  }
  return { numerator, denominator, value: Number(numerator) / Number(denominator) }
}

/** The most of `total` that is not more than the share of it. */
export function allowance({ numerator, denominator }: Share, total: number): number {
  return Number((numerator * BigInt(Math.floor(total))) / denominator)
}
