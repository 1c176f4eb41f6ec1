// The theme of VitePress, with a switch that leads from a page to the same page in the other language.
import { useData, withBase } from 'vitepress'
import DefaultTheme from 'vitepress/theme'
import { type Component, defineComponent, h } from 'vue'
import './switch.css'

/** VitePress's own switch either supposes that each page has its twin, or leads to the first page. */
const Switch: Component = defineComponent(() => {
  const { page, theme } = useData()
  return () => {
    const path = page.value.relativePath
    const isRussian = path.startsWith('ru/')
    const twin = isRussian ? path.slice('ru/'.length) : `ru/${path}`
    const twins = theme.value['twins'] as readonly string[]
    const to = isRussian || twins.includes(path) ? twin : 'ru/index.md'
    const href = withBase(`/${to.replace(/(^|\/)index\.md$/, '$1').replace(/\.md$/, '.html')}`)
    const lang = isRussian ? 'en' : 'ru'
    const label = isRussian ? 'English' : 'Русский'
    return h('a', { class: 'language-switch', href, lang, hreflang: lang }, label)
  }
})

export default {
  extends: DefaultTheme,
  Layout: () =>
    h(DefaultTheme.Layout, null, {
      'nav-bar-content-after': () => h(Switch),
      'nav-screen-content-after': () => h(Switch),
    }),
}
