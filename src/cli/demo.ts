import type { Terminal } from './terminal.ts'
export async function demo(_args: readonly string[], _terminal: Terminal): Promise<void> {}
