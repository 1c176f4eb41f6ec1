export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

/** Milliseconds of the machine's monotonic clock, the same in every process, whatever was done to their other clocks. */
export function machineTime(): number {
  return Number(process.hrtime.bigint()) / 1e6
}
