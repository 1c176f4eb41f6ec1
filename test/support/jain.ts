/** How evenly something is shared, from 1/n (one has all of it) to 1 (all have the same): R. Jain, D. Chiu and W. Hawe, 1984. */
export function jain(shares: readonly number[]): number {
  const sum = shares.reduce((all, one) => all + one, 0)
  const squares = shares.reduce((all, one) => all + one * one, 0)
  return squares === 0 ? 1 : (sum * sum) / (shares.length * squares)
}
