import { TWIN_PARTS, TWINS } from './lua.generated.ts'

export function hasTwin(kind: string): boolean {
  return kind in TWINS
}

/** True where the twin of this kind has all functions that a program calls. */
export function twinFor(kind: string, functions: readonly string[]): boolean {
  return TWINS[kind]?.[functions.join(' ')] !== undefined
}

/**
 * The text of a twin, together with the twin that it builds on. scripts/lua.mjs decides, when the package is built, which functions belong
 * to which program.
 *
 * @param functions the functions that the program calls, one of the lists there. @default all
 */
export function twin(kind: string, functions?: readonly string[]): string {
  const parts = TWINS[kind]?.[functions?.join(' ') ?? 'all']
  if (parts === undefined) throw new Error(`the rule '${kind}' has no Lua twin for this program`)
  return parts.map((part) => TWIN_PARTS[part]).join('\n')
}
