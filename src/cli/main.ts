#!/usr/bin/env node
import { run } from './run.ts'

// `aioflux replay ... | head` closes the pipe early. That is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
  process.exit()
})

// Not process.exit(): what was written to a pipe must still reach it.
process.exitCode = await run(process.argv.slice(2), process)
