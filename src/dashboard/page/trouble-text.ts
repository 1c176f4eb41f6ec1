import type { Trouble } from '../state.ts'
import { figure, span } from './format.ts'
import type { State } from './store.ts'
import { either } from './words.ts'

/** What is wrong with a part, in a few words that end a sentence about it. */
export function verdict(trouble: Trouble, state: State): string {
  const { code, name } = trouble
  switch (code) {
    case 'open':
      return either('is open', 'разомкнут')
    case 'half_open':
      return either('is being probed', 'на пробе')
    case 'behind': {
      const oldest = span(state.queues[name]?.oldest)
      return either(`is ${oldest} behind`, `отстаёт на ${oldest}`)
    }
    case 'denies': {
      const denied = figure(state.limiters[name]?.denied)
      return either(`denies ${denied} calls a second`, `отказывает ${denied} вызовам в секунду`)
    }
    case 'unreachable':
      return either('cannot be reached', 'недоступно')
    case 'skipped':
      return either('skips its runs', 'пропускает запуски')
    case 'failed':
      return either('failed', 'не удалось')
    case 'leaderless':
      return either('has no leader', 'без лидера')
    case 'changes':
      return either('keeps changing its leader', 'меняет лидера')
    case 'silent':
      return either('is silent', 'молчит')
    case 'late':
      return either('is too busy', 'перегружен')
  }
}
