import { renameSync } from 'node:fs'
import { parse } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const root = fileURLToPath(new URL('../..', import.meta.url))

const files = new Map<string, Promise<string>>()

/**
 * A module of this project in one file of JavaScript, its packages left out: a process that reads all of src as TypeScript
 * starts three times as slowly.
 *
 * @param source its path from the root of the project
 */
export function bundled(source: string): Promise<string> {
  const file = files.get(source) ?? bundle(source)
  files.set(source, file)
  return file
}

async function bundle(source: string): Promise<string> {
  const { dir, name } = parse(source)
  // Inside the project, where packages are found, and two folders down, where src/cli finds package.json.
  const outfile = `${root}.cache/${dir.replaceAll('/', '.')}/${name}.mjs`
  const draft = `${outfile}.${process.pid}`
  await build({
    ...{ absWorkingDir: root, entryPoints: [source], outfile: draft, logLevel: 'error' },
    ...{ bundle: true, platform: 'node', target: 'node20', format: 'esm', packages: 'external' },
  })
  // Processes that start at this moment read the one before.
  renameSync(draft, outfile)
  return outfile
}
