import { grouped } from '../../terminal/terminal.ts'
import type { MalformedWhy } from '../reading/counts.ts'

/** `12.3 %` */
export function percent(part: number, whole: number): string {
  return whole === 0 ? '0.0 %' : `${((part / whole) * 100).toFixed(1)} %`
}

/** A share with the digits it needs: `12.3 %`, `0.05 %`. */
export function share(part: number): string {
  const percents = part * 100
  if (percents === 0 || Number.isNaN(percents)) return '0 %'
  const digits = percents >= 1 ? 1 : Math.min(6, 1 - Math.floor(Math.log10(percents)))
  return `${Number(percents.toFixed(digits))} %`
}

export function plural(count: number, noun: string): string {
  return `${grouped(count)} ${noun}${count === 1 ? '' : 's'}`
}

/** `2015-05-17 10:05:03` */
export function clock(iso: string): string {
  return iso.slice(0, 19).replace('T', ' ')
}

/** `5 s`, `3.5 min`, `2 h`, `4 days` */
export function inWords(seconds: number): string {
  const [size, unit] =
    seconds < 120
      ? [1, 's']
      : seconds < 7200
        ? [60, 'min']
        : seconds < 172_800
          ? [3600, 'h']
          : [86_400, 'days']
  return `${Number((seconds / (size as number)).toFixed(1))} ${unit}`
}

/** Where no record has the field of `--key`, which makes all else that is told doubtful: that, in words. */
export function keylessNote(read: {
  missing: { key: number }
  requests: number
  key: string
}): string | undefined {
  if (read.missing.key === 0 || read.missing.key < read.requests) return undefined
  return `no record has a field '${read.key}': all counted as one key`
}

/** What was odd about the lines, in words. */
export function readingNotes(read: {
  malformed: number
  malformedWhy: MalformedWhy
  reordered: number
  late: number
  junkFiles: number
  missing: { key: number; cost: number }
  requests: number
  key: string
  cost: string | null
  from: string | null
}): string[] {
  const notes: string[] = []
  const keyless = keylessNote(read)
  if (keyless !== undefined) notes.push(keyless)
  if (read.requests === 0) notes.push('nothing to judge: the log is empty')
  if (read.malformed > 0) {
    notes.push(`${plural(read.malformed, 'malformed line')} skipped${because(read.malformedWhy)}`)
  }
  if (read.reordered > 0)
    notes.push(`${plural(read.reordered, 'record')} out of order, put in place`)
  if (read.late > 0) {
    notes.push(`${plural(read.late, 'record')} too late for that, judged when they came`)
  }
  if (read.junkFiles > 0) {
    notes.push(
      `${plural(read.junkFiles, 'archive')} read up to the end of the last gzip member; what follows is no gzip`,
    )
  }
  if (read.missing.key > 0 && keyless === undefined) {
    notes.push(
      `${plural(read.missing.key, 'record')} without a field '${read.key}', counted as one key '-'`,
    )
  }
  if (read.missing.cost > 0) {
    notes.push(
      `${plural(read.missing.cost, 'record')} without a number in '${read.cost}', counted as cost 1`,
    )
  }
  if (read.from !== null && read.from < '1973') {
    notes.push('the times are before 1973, so the field may hold no time: --time names another')
  }
  return notes
}

function because({ shape, time, client, tooLong }: MalformedWhy): string {
  const reasons = [
    shape > 0 ? `${grouped(shape)} of no known format` : '',
    time > 0 ? `${grouped(time)} with no time or a wrong one` : '',
    client > 0 ? `${grouped(client)} without a client` : '',
    tooLong > 0 ? `${grouped(tooLong)} too long` : '',
  ].filter((reason) => reason !== '')
  return `: ${reasons.join(', ')}`
}
