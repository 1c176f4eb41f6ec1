import { matches } from './filter.ts'
import { troubleOf } from './parts.tsx'

export function sorted<P>(
  kind: string,
  parts: Readonly<Record<string, P>>,
  filter: string,
  text: (part: P) => string = () => '',
): [string, P][] {
  const rank = (name: string) => ['bad', 'warn', undefined].indexOf(troubleOf(kind, name)?.level)
  return Object.entries(parts)
    .filter(([name, part]) => matches(filter, name, text(part)))
    .sort(([a], [b]) => rank(a) - rank(b))
}
