import 'reflect-metadata'
import {
  type ArgumentsHost,
  type CallHandler,
  Controller,
  type ExecutionContext,
  Get,
  HttpException,
  Module,
} from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { LimiterFactory, OptionRangeError, OptionTypeError } from 'aioflux'
import { type NestGuardOptions, rateLimitNest } from 'aioflux/http'
import { expect, it, vi } from 'vitest'

const limiter = () => LimiterFactory.fixedWindow({ rate: 1, per: '1m', name: 'one' })

/** An app with one route, whose filter and interceptor see what goes by. */
async function serve(options: Partial<NestGuardOptions> = {}) {
  class Controlled {
    get(): string {
      return 'ok'
    }
  }
  const method = Object.getOwnPropertyDescriptor(Controlled.prototype, 'get') as PropertyDescriptor
  Get()(Controlled.prototype, 'get', method)
  Controller()(Controlled)
  class App {}
  Module({ controllers: [Controlled] })(App)
  const app = await NestFactory.create(App, { logger: false })
  const caught: unknown[] = []
  const intercepted = vi.fn((_context: ExecutionContext, next: CallHandler) => next.handle())
  app.useGlobalInterceptors({ intercept: intercepted })
  app.useGlobalFilters({
    catch(exception: HttpException, host: ArgumentsHost) {
      caught.push(exception)
      host.switchToHttp().getResponse().status(exception.getStatus()).json(exception.getResponse())
    },
  })
  app.useGlobalGuards(rateLimitNest(limiter(), { exception: HttpException, ...options }))
  await app.listen(0, '127.0.0.1')
  return { app, url: await app.getUrl(), caught, intercepted }
}

it('a denial is an HttpException that filters see, and its answer is the problem', async () => {
  const { app, url, caught, intercepted } = await serve()
  expect((await fetch(url)).status).toBe(200)
  const denied = await fetch(url)
  expect(denied.status).toBe(429)
  expect(await denied.json()).toMatchObject({ status: 429, 'violated-policies': ['one'] })
  expect(denied.headers.get('retry-after')).toBe('60')
  expect(caught).toHaveLength(1)
  expect(caught[0]).toBeInstanceOf(HttpException)
  expect(intercepted).toHaveBeenCalledTimes(1)
  await app.close()
})

it('onLimited says what is thrown', async () => {
  const { app, url, caught } = await serve({
    onLimited: (_context, { retryAfter }) =>
      new HttpException({ wait: Math.ceil(retryAfter) }, 420),
  })
  await fetch(url)
  const denied = await fetch(url)
  expect([denied.status, await denied.json()]).toEqual([420, { wait: 60 }])
  expect(denied.headers.get('ratelimit')).toBe('"one";r=0;t=60')
  expect(caught).toHaveLength(1)
  await app.close()
})

it('refuses calls that are not HTTP, and to be made without exception', async () => {
  expect(() => rateLimitNest(limiter(), {} as never)).toThrow(OptionTypeError)
  expect(() => rateLimitNest(limiter(), {} as never)).toThrow(
    expect.objectContaining({ option: 'exception' }),
  )
  const guard = rateLimitNest(limiter(), { exception: HttpException })
  const context = { getType: () => 'graphql', switchToHttp: vi.fn() }
  await expect(guard.canActivate(context)).rejects.toThrow(OptionRangeError)
  expect(context.switchToHttp).not.toHaveBeenCalled()
})
