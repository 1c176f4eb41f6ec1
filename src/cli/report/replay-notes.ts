import { grouped } from '../../terminal/terminal.ts'
import type { Report } from './replay-report.ts'
import { plural, readingNotes } from './words.ts'

/** What was odd about a log and its verdicts, in words. */
export function replayNotes(report: Report): string[] {
  const notes = readingNotes(report)
  const { limits, others, crowded, tooCostly, compare } = report
  if (limits.length > 1 && report.requests > 0) {
    const by = limits.map(({ limit, denied }) => `${limit} ${grouped(denied)}`)
    notes.push(`denied first by: ${by.join(', ')}`)
  }
  if (tooCostly > 0) {
    notes.push(`${plural(tooCostly, 'request')} cost more than a limit can ever let through`)
  }
  if (others !== null) {
    notes.push(
      `too many keys to count each: ${plural(others.keys, 'key')} that were denied least are added up ` +
        `(${grouped(others.requests)} requests, ${grouped(others.denied)} denied), and one that came back may have needed more burst`,
    )
  }
  if (crowded) {
    notes.push('more keys at once than the limits can tell apart: too many may have been denied')
  }
  if (compare?.partial) {
    notes.push('too many keys to compare each: keys that neither side denied were forgotten')
  }
  return notes
}
