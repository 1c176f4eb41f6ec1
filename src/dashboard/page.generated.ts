export const PAGE: Readonly<Record<string, { readonly type: string; readonly text: string }>> = {
  'index.html': { type: 'text/html; charset=utf-8', text: '<!doctype html><title>aioflux</title>' },
}
