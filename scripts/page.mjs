// Bundles the page of the dashboard, src/dashboard/page, and writes it into src/dashboard/page.generated.ts, so that no runtime and no
// bundler has to find its files. `npm run page` after changing it; a test fails while the module is stale.
import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { minify } from 'terser'

const root = new URL('../', import.meta.url)
const folder = fileURLToPath(new URL('src/dashboard/page/', root))

/** The licence of what is bundled stays with it. */
const LICENCE =
  '/*! Preact, (c) 2015-present Jason Miller, MIT License: github.com/preactjs/preact */'

export async function generated() {
  const shared = {
    bundle: true,
    minify: true,
    write: false,
    target: ['es2022', 'chrome111', 'firefox113', 'safari16.4'],
  }
  const [script, style, html] = await Promise.all([
    build({
      ...shared,
      entryPoints: [`${folder}app.tsx`],
      format: 'esm',
      jsx: 'transform',
      jsxFactory: 'h',
      jsxFragment: 'Fragment',
      inject: [`${folder}jsx.ts`],
      tsconfigRaw: {},
      charset: 'utf8',
      legalComments: 'none',
    }),
    build({ ...shared, entryPoints: [`${folder}style.css`] }),
    readFile(`${folder}index.html`, 'utf8'),
  ])
  // The bundler puts the modules together; terser makes 2 % less of them, gzipped.
  const { code } = await minify(script.outputFiles[0].text, {
    module: true,
    ecma: 2020,
    compress: { passes: 3, unsafe_arrows: true, pure_getters: true, keep_fargs: false },
    format: { preamble: LICENCE },
  })
  const files = {
    'index.html': ['text/html; charset=utf-8', html],
    'app.js': ['text/javascript; charset=utf-8', code],
    'style.css': ['text/css; charset=utf-8', style.outputFiles[0].text],
  }
  return [
    '// Written by scripts/page.mjs from src/dashboard/page; do not edit. biome-ignore-all format: generated.',
    '/** The files of the page, by name. */',
    'export const PAGE: Readonly<Record<string, { readonly type: string; readonly text: string }>> = {',
    ...Object.entries(files).map(
      ([name, [type, text]]) => `  '${name}': { type: '${type}', text: ${JSON.stringify(text)} },`,
    ),
    '}',
    '',
  ].join('\n')
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await writeFile(new URL('src/dashboard/page.generated.ts', root), await generated())
}
