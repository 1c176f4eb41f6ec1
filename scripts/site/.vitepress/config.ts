// The site of the documentation, made of docs/ as it is: npm run docs:site.
// The folder is not in docs/, since docs/ is published with the package.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type DefaultTheme, defineConfig } from 'vitepress'

const root = fileURLToPath(new URL('../../../', import.meta.url))
const docs = join(root, 'docs')
const { repository } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const ICON =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" fill="#3451b2"/><path d="M7 10h18M7 16h11M7 22h15" stroke="#fff" stroke-width="3"/></svg>'
const repo = repository.url.replace(/^git\+|\.git$/g, '')

export default defineConfig({
  title: 'aioflux',
  description: 'Flow control for TypeScript',
  // In the page itself: without it, a browser asks for /favicon.ico, which is not there.
  head: [['link', { rel: 'icon', href: `data:image/svg+xml,${encodeURIComponent(ICON)}` }]],
  srcDir: '../../docs',
  outDir: '../../.cache/site',
  cacheDir: '../../.cache/vitepress',
  rewrites: (path) => path.replace(/README\.md$/, 'index.md'),
  locales: {
    root: { label: 'English', lang: 'en', themeConfig: { sidebar: sidebar('') } },
    ru: { label: 'Русский', lang: 'ru', themeConfig: { sidebar: sidebar('ru/') } },
  },
  themeConfig: {
    search: { provider: 'local' },
    // Every Russian page has its English page. The reference and the decisions are in English only: from there, the switch of
    // theme/index.ts leads to the first page in Russian.
    twins: twins(),
    i18nRouting: false,
    socialLinks: [{ icon: 'github', link: repo }],
    outline: 'deep',
  },
  markdown: {
    // The anchors of GitHub, by which the pages link to each other.
    anchor: { slugify },
    config: (md) => {
      const { link_open: plain } = md.renderer.rules
      md.renderer.rules.link_open = (tokens, index, options, env, self) => {
        const token = tokens[index]
        const href = token?.attrGet('href')
        if (token && href) token.attrSet('href', linkOf(href, env.path))
        return (
          plain?.(tokens, index, options, env, self) ?? self.renderToken(tokens, index, options)
        )
      }
    },
  },
})

/** The English pages that have a Russian page, as the site calls them. */
function twins(): string[] {
  return readdirSync(join(docs, 'ru'), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.md'))
    .map((path) => path.replace(/README\.md$/, 'index.md'))
}

/** Where a link leads on the site: to its page, or to the repository where it is no page. */
function linkOf(href: string, page: string): string {
  if (/^(?:[a-z]+:|#|\/)/.test(href)) return href
  const [file = '', anchor] = href.split('#')
  const target = join(dirname(page), file)
  const path = relative(docs, target)
  // A page that is not there stays a link, so that VitePress finds it dead.
  if (!path.startsWith('..') && path.endsWith('.md')) return href.replace(/README\.md/, 'index.md')
  const kind = existsSync(target) && statSync(target).isDirectory() ? 'tree' : 'blob'
  return `${repo}/${kind}/main/${relative(root, target)}${anchor === undefined ? '' : `#${anchor}`}`
}

/** As GitHub makes an anchor of a heading. */
function slugify(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replace(/\s/g, '-')
}

/** The pages in the order of the tables in README.md of that language, then the rest. */
function sidebar(language: string): DefaultTheme.SidebarItem[] {
  const index = readFileSync(join(docs, language, 'README.md'), 'utf8')
  const parts = [...index.matchAll(/^\| \[([^\]]+)\]\(([^)]+)\.md\)/gm)]
  const guides = [...index.matchAll(/\[([^\]]+)\]\(((?:\.\.\/)?moving\/[^)]+)\.md\)/g)]
  const item = ([, text = '', link = '']: RegExpMatchArray) => ({ text, link: at(language, link) })
  const first = ['guide', 'which-part'].map((name) => ({
    text: titleOf(join(docs, language, `${name}.md`)),
    link: at(language, name),
  }))
  const entries = readdirSync(join(docs, 'api')).filter((name) => name !== 'README.md')
  return [
    { text: 'aioflux', items: [...first, ...parts.map(item)] },
    {
      text: language === '' ? 'Moving from' : 'Переход с',
      items: guides.map(item),
      collapsed: true,
    },
    {
      text: 'API',
      items: entries.map((name) => ({
        text: titleOf(join(docs, 'api', name)),
        link: `/api/${name.replace(/\.md$/, '')}`,
      })),
      collapsed: true,
    },
  ]
}

/** The address of a page that README.md of a language links to. */
function at(language: string, link: string): string {
  return `/${join(language, link)}`
}

function titleOf(path: string): string {
  return (
    readFileSync(path, 'utf8')
      .match(/^# (.*)$/m)?.[1]
      ?.replaceAll('`', '') ?? path
  )
}
