import { CompactTable } from './compact-table.ts'
import type { FewKeys } from './few-keys.ts'
import type { KeyTable } from './key-table.ts'

/** Up to this many keys are kept as they are. */
export const FEW = 4096
/** Keys longer than this are not kept: many of them would be more than their states. */
const LONG_KEY = 256

/**
 * A table with a place for `key`: when few keys become many, forgets what may be forgotten, and goes over to the compact table
 * if that is little.
 *
 * @param maxKeys the most keys that are held
 * @param wide true when the line of ticks needs 64 bits
 */
export function tableWithRoom(
  few: FewKeys,
  key: string,
  maxKeys: number,
  wide: boolean,
  tick: number,
): KeyTable {
  const long = key.length > LONG_KEY
  if (few.size < few.capacity && !long) return few
  if (few.capacity === maxKeys && !long) return few
  let table: KeyTable = few
  few.sweep(tick)
  if (few.size > few.capacity / 2 || long) {
    table = new CompactTable(maxKeys, wide, tick)
    few.pour(table, tick)
  }
  // The key at hand is still to be put in.
  table.find(key, tick)
  return table
}
