import { builtinModules } from 'node:module'
import { gzipSync } from 'node:zlib'
import { build, type OutputFile } from 'esbuild'
import { peersOf } from './entries.ts'

const builtins = builtinModules.flatMap((name) => [name, `node:${name}`])

export interface Bundle {
  readonly text: string
  /** Bytes that go over the wire. */
  readonly gzipped: number
  /** What it needs of Node, and of other packages that are not part of it, and who asks for it. */
  readonly needs: readonly { what: string; by: string; ofNode: boolean }[]
}

/**
 * What a bundler makes of `source` in an empty project, minified, for a platform that has nothing but the language. What it
 * needs of Node, and its peers, stay outside.
 */
export async function bundle(
  consumer: string,
  source: string,
  format: 'esm' | 'iife' = 'esm',
): Promise<Bundle> {
  const { outputFiles, metafile } = await build({
    stdin: { contents: source, resolveDir: consumer },
    bundle: true,
    minify: true,
    write: false,
    metafile: true,
    format,
    ...(format === 'iife' && { globalName: 'bundled' }),
    platform: 'neutral',
    mainFields: ['module', 'main'],
    target: 'es2022',
    external: [...builtins, ...peersOf(consumer)],
    logLevel: 'silent',
  })
  const text = (outputFiles[0] as OutputFile).text
  const needs = Object.entries(metafile.inputs).flatMap(([by, { imports }]) =>
    imports
      .filter(({ external }) => external)
      .map(({ path }) => ({ what: path, by, ofNode: builtins.includes(path) })),
  )
  return { text, gzipped: gzipSync(text, { level: 9 }).length, needs }
}
