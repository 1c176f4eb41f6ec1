#!/usr/bin/env node
import { run } from './run.ts'

// `aioflux replay ... | head` closes the pipe early. That is no failure; a full disk is.
process.stdout.on('error', ({ code, message }: NodeJS.ErrnoException) => {
  if (code === 'EPIPE') process.exit()
  process.stderr.write(`aioflux: cannot write the result: ${message}\n`, () => process.exit(1))
})
process.stderr.on('error', () => {})

// Not process.exit(): text that was written to a pipe must still reach it.
process.exitCode = await run(process.argv.slice(2), process)
