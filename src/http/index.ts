/// <reference lib="esnext.disposable" preserve="true" />
// Limits in HTTP: guards for servers, and a fetch that keeps to what servers say.
// biome-ignore-all assist/source/organizeImports: the order is the reader's.

// One guard, in each framework's own conventions.
export { rateLimitFetch, type FetchGuardOptions, type FetchHandler } from './fetch.ts'
export {
  rateLimitMiddleware,
  type MiddlewareOptions,
  type RateLimitMiddleware,
} from './middleware.ts'
export {
  rateLimitPlugin,
  type FastifyLike,
  type FastifyReplyLike,
  type FastifyRequestLike,
  type RateLimitPluginOptions,
} from './fastify.ts'
export { rateLimitKoa, type KoaContext, type KoaGuardOptions } from './koa.ts'
export { rateLimitHono, type HonoContext, type HonoGuardOptions } from './hono.ts'
export { rateLimitH3, type H3EventLike, type H3GuardOptions } from './h3.ts'
export { rateLimitNest, type NestContext, type NestGuard, type NestGuardOptions } from './nest.ts'
export type { GuardLimit, GuardOptions, GuardPart } from './guard-options.ts'
export type { RateLimited } from './rate-limited.ts'
export type { HeaderStyle } from './fields.ts'
export type { NodeRequest, NodeResponse } from './node.ts'

// The sender of a request.
export { clientIp, type ClientIpOptions } from './client-ip.ts'

// On the client's side.
export { type Fetch, politeFetch, type PoliteFetchOptions } from './polite-fetch.ts'
