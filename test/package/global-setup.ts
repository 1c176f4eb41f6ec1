import type { TestProject } from 'vitest/node'
import { type Packed, pack } from './pack.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** Where the packed package is installed as a user would have it: `inject('packed')`. */
    packed: Packed
  }
}

export default async function setup(project: TestProject): Promise<() => void> {
  const { remove, ...packed } = pack()
  project.provide('packed', packed)
  return remove
}
