import type { Millis } from '../../core/duration.ts'
import { processName } from '../../core/process-name.ts'
import type { ProcessState } from '../state.ts'

/** The part of the global `process` that is used, if there is one. */
interface Runtime {
  readonly pid?: number
  readonly version?: string
  readonly versions?: Readonly<Record<string, string | undefined>>
  readonly env?: Readonly<Record<string, string | undefined>>
  uptime?(): number
  cpuUsage?(): { user: number; system: number }
  memoryUsage?: { rss?(): number }
}

const runtime = (globalThis as { process?: Runtime }).process

/** This process, as the dashboard shows it. */
export class ProcessPart {
  /** Tells this process apart from all others. */
  readonly id: string = crypto.randomUUID()
  readonly name: string
  readonly #started: Millis
  #cpu: { at: Millis; used: number } | undefined
  #share: number | undefined
  /** The latest delays of the timer of the sampler. */
  readonly #late: number[] = []

  constructor(now: Millis) {
    this.name = processName()
    this.#started = Math.round((now - (runtime?.uptime?.() ?? 0) * 1000) / 1000) * 1000
  }

  /** The timer was late by this time, because the event loop was busy. */
  noteLate(late: Millis): void {
    this.#late.push(Math.max(0, late) / 1000)
    if (this.#late.length > 30) this.#late.shift()
  }

  sample(
    now: Millis,
    told: Pick<ProcessState, 'works' | 'leads' | 'limiters' | 'schedules'>,
  ): ProcessState {
    const usage = runtime?.cpuUsage?.()
    if (usage !== undefined && (this.#cpu === undefined || now - this.#cpu.at >= 4000)) {
      const used = usage.user + usage.system
      if (this.#cpu !== undefined)
        this.#share = (used - this.#cpu.used) / 1000 / (now - this.#cpu.at)
      this.#cpu = { at: now, used }
    }
    const host = runtime?.env?.['HOSTNAME']
    const version = runtime?.versions?.['bun'] ?? runtime?.versions?.['deno'] ?? runtime?.version
    const memory = runtime?.memoryUsage?.rss?.()
    return {
      ...(host !== undefined && { host }),
      ...(runtime?.pid !== undefined && { pid: runtime.pid }),
      ...(version !== undefined && { runtime: version }),
      started: this.#started,
      heard: now,
      late: Math.max(0, ...this.#late),
      ...(this.#share !== undefined && { cpu: this.#share }),
      ...(memory !== undefined && { memory }),
      ...told,
      here: true,
    }
  }
}
