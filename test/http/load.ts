import autocannon from 'autocannon'

export interface Load {
  /** Answers with this status, as the client counted them. */
  readonly ok: number
  readonly limited: number
  readonly others: number
  /** Seconds, from before the first request was sent until after the last was answered. */
  readonly seconds: number
}

/** Fires at `url` as fast as it answers, from several connections. */
export async function load(url: string, seconds: number, connections = 20): Promise<Load> {
  const began = performance.now()
  const { statusCodeStats = {}, errors } = await autocannon({ url, connections, duration: seconds })
  const took = (performance.now() - began) / 1000
  let ok = 0
  let limited = 0
  let others = errors
  for (const [status, stats] of Object.entries(statusCodeStats)) {
    const count = (stats as { count?: number }).count ?? 0
    if (status === '200') ok += count
    else if (status === '429') limited += count
    else others += count
  }
  return { ok, limited, others, seconds: took }
}
