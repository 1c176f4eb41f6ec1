import { builtinModules } from 'node:module'
import { gzipSync } from 'node:zlib'
import { build, type OutputFile } from 'esbuild'

export interface Bundle {
  readonly text: string
  /** Bytes that go over the wire. */
  readonly gzipped: number
  /** What it needs from the runtime or from other packages, and who asks for it. */
  readonly needs: readonly { what: string; by: string }[]
}

/**
 * What a bundler makes of `source` in an empty project, minified, for a platform that has nothing but the language. What it
 * needs of Node stays outside.
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
    external: builtinModules.flatMap((name) => [name, `node:${name}`]),
    logLevel: 'silent',
  })
  const text = (outputFiles[0] as OutputFile).text
  const needs = Object.entries(metafile.inputs).flatMap(([by, { imports }]) =>
    imports.filter(({ external }) => external).map(({ path }) => ({ what: path, by })),
  )
  return { text, gzipped: gzipSync(text, { level: 9 }).length, needs }
}
