import type { TestProject } from 'vitest/node'
import { pack } from './pack.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** A folder where the packed package is installed as a user would have it: `inject('consumer')`. */
    consumer: string
  }
}

export default async function setup(project: TestProject): Promise<() => void> {
  const packed = pack()
  project.provide('consumer', packed.folder)
  return packed.remove
}
