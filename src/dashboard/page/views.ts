/** The views: the first part of an address, the name, the key after `g`. */
export const VIEWS: readonly (readonly [string, string, string])[] = [
  ['now', 'Now', 'n'],
  ['limiters', 'Limiters', 'l'],
  ['queues', 'Queues', 'q'],
  ['breakers', 'Breakers', 'b'],
  ['schedules', 'Schedules', 's'],
  ['locks', 'Locks', 'k'],
  ['processes', 'Processes', 'p'],
]
