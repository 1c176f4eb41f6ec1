import { grouped } from '../../terminal/terminal.ts'
import type { Advice } from '../advise/advice-report.ts'
import type { Algorithm } from '../judging/limit.ts'
import { clock, readingNotes } from './words.ts'

/**
 * What was odd about a log, and how far the advice can be relied on, in words.
 *
 * @param unsure algorithms for which not every smaller rate was tried
 */
export function adviceNotes(advice: Advice, unsure: readonly Algorithm[]): string[] {
  const notes = readingNotes(advice)
  const { sampled, requests, keysSeen } = advice
  if (sampled !== null) {
    notes.push(
      `the log is too large to keep every key: the figures are estimates from ${grouped(sampled.keys)} keys with ` +
        `${grouped(sampled.requests)} of ${grouped(requests)} requests, the busiest keys among them; keys in all: about ${grouped(keysSeen)}`,
    )
  }
  if (sampled?.until) {
    notes.push(
      `a few keys ask for nearly all: the estimates are from the log up to ${clock(sampled.until)} UTC`,
    )
  }
  for (const algorithm of unsure) {
    notes.push(`${algorithm}: not every smaller rate was tried, and one of them may fit too`)
  }
  return notes
}
