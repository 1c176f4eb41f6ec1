// How fast work may go.

// The words everyone uses.
export { type Cancel, type Clock, systemClock } from './core/clock.ts'
export type { Decision } from './core/decision.ts'
export type { Duration } from './core/duration.ts'
export {
  AioFluxError,
  type AioFluxErrorCode,
  CircuitBreakerOpen,
  ClosedError,
  CostTooLargeError,
  isAioFluxError,
  JobTimeoutError,
  LimitExceededError,
  OptionRangeError,
  OptionTypeError,
  StorageDownError,
  WaitTimeoutError,
} from './core/errors.ts'
export type { Quota, QuotaChange, Rule, State } from './core/rule.ts'
export type {
  Judged,
  Keep,
  Ledger,
  Move,
  RemoteLedger,
  RemoteStorage,
  Storage,
  Values,
  Verdict,
} from './core/storage.ts'
export {
  type CircuitBreakerDecoratorOptions,
  circuitBreaker,
} from './decorators/circuit-breaker.ts'
export { type RateLimitOptions, rateLimit } from './decorators/rate-limit.ts'
export type { Wrapper } from './decorators/wrapper.ts'
export { AdaptiveLimiter, type AdaptiveOptions } from './limiters/adaptive-limiter.ts'
export { ConcurrencyLimiter } from './limiters/concurrency-limiter.ts'
export { createLimiter, type LocalOptions } from './limiters/create-limiter.ts'
export { type CompositePart, LimiterFactory, type Maker } from './limiters/factory.ts'
export type {
  Limiter,
  LimiterEvents,
  LimiterOptions,
  LimiterStats,
  LocalLimiter,
  WaitOptions,
} from './limiters/limiter.ts'
export type { OutagePolicy } from './limiters/outage.ts'
export type { Permit } from './limiters/permit.ts'
export { RemoteConcurrency } from './limiters/remote-concurrency.ts'
// What may be called at all.
export type { CircuitBreakerOptions } from './resilience/breaker-options.ts'
export type {
  BreakerCall,
  BreakerCallOptions,
  BreakerEvents,
  BreakerSnapshot,
  BreakerState,
  BreakerStats,
} from './resilience/breaker-types.ts'
export { CircuitBreaker } from './resilience/circuit-breaker.ts'
export type { ErrorFilter } from './resilience/error-filter.ts'
export type { Jitter, RetryOptions } from './resilience/retry.ts'
// How to decide.
export { type ConcurrencyOptions, concurrency } from './rules/concurrency.ts'
export { fixedWindow } from './rules/fixed-window.ts'
export { type LeakyBucketOptions, leakyBucket } from './rules/leaky-bucket.ts'
export { slidingWindow } from './rules/sliding-window.ts'
export { type TokenBucketOptions, tokenBucket } from './rules/token-bucket.ts'
// When it happens.
export type {
  JobFunction,
  JobInfo,
  JobOptions,
  JobRun,
  Leadership,
  Overlap,
  RunRecord,
  ScheduledJob,
  SchedulerEvents,
  SchedulerOptions,
  SchedulerStopOptions,
  SchedulerStopReport,
  SkipReason,
} from './schedule/schedule-types.ts'
export { type Period, Scheduler } from './schedule/scheduler.ts'
export { type SlotKeeper, type SlotKeeperOptions, slotKeeper } from './schedule/slot-keeper.ts'
// Where it is remembered.
export { MemoryStorage, type MemoryStorageOptions } from './storage/memory-storage.ts'
