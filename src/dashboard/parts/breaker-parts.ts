import type { Millis } from '../../core/duration.ts'
import type { CircuitBreaker } from '../../resilience/circuit-breaker.ts'
import { CircuitBreakerRegistry } from '../../resilience/circuit-breaker-registry.ts'
import type { BreakerState, RegistryState } from '../state.ts'
import { BreakerPart } from './breaker-part.ts'
import { dictionary } from './dictionary.ts'

/** How many breakers of one registry are shown. */
const MOST = 100

/** The circuit breakers, and the breakers of registries: first those that are not closed, then the most recently used. */
export class BreakerParts {
  readonly #own = new Map<string, BreakerPart>()
  readonly #registries = new Map<string, CircuitBreakerRegistry>()
  /** Breakers of registries that are shown now. */
  #shown = new Map<string, { key: string; part: BreakerPart }>()
  registries: Record<string, RegistryState> = {}

  constructor(breakers: ReadonlyMap<string, CircuitBreaker | CircuitBreakerRegistry>) {
    for (const [name, each] of breakers) {
      if (each instanceof CircuitBreakerRegistry) this.#registries.set(name, each)
      else this.#own.set(name, new BreakerPart(each))
    }
  }

  get(name: string): BreakerPart | undefined {
    return this.#own.get(name) ?? this.#ofRegistry(name)
  }

  sample(now: Millis): Record<string, BreakerState> {
    const states = dictionary<BreakerState>()
    for (const [name, part] of this.#own) states[name] = part.sample(now)
    const registries = dictionary<RegistryState>()
    const shown = new Map<string, { key: string; part: BreakerPart }>()
    for (const [name, registry] of this.#registries) {
      const some = worthSeeing(registry)
      registries[name] = { keys: registry.size, shown: some.length }
      for (const [key, breaker] of some) {
        if (this.#own.has(breaker.name)) continue
        const before = this.#shown.get(breaker.name)?.part
        const part = before?.breaker === breaker ? before : new BreakerPart(breaker)
        shown.set(breaker.name, { key, part })
        states[breaker.name] = part.sample(now, key)
      }
    }
    this.#shown = shown
    this.registries = registries
    return states
  }

  #ofRegistry(name: string): BreakerPart | undefined {
    for (const [prefix, registry] of this.#registries) {
      const breaker = name.startsWith(`${prefix}:`) && registry.get(name.slice(prefix.length + 1))
      if (!breaker) continue
      const shown = this.#shown.get(name)?.part
      // The registry may have forgotten the breaker that was shown, and made a new one since.
      return shown?.breaker === breaker ? shown : new BreakerPart(breaker)
    }
    return undefined
  }
}

function worthSeeing(registry: CircuitBreakerRegistry): [string, CircuitBreaker][] {
  const shut: [string, CircuitBreaker][] = []
  const closed: [string, CircuitBreaker][] = []
  for (const each of registry) (each[1].state === 'closed' ? closed : shut).push(each)
  // The registry lists the most recently used breaker last.
  return [...shut.reverse(), ...closed.reverse()].slice(0, MOST)
}
