// How fast work may go.

// The words everyone uses.
export { type Cancel, type Clock, systemClock } from './core/clock.ts'
export type { Decision } from './core/decision.ts'
export type { Duration } from './core/duration.ts'
export {
  AioFluxError,
  type AioFluxErrorCode,
  BatchResultError,
  ClosedError,
  CostTooLargeError,
  isAioFluxError,
  JobCancelledError,
  JobDroppedError,
  JobTimeoutError,
  LimitExceededError,
  OptionRangeError,
  OptionTypeError,
  QueueFullError,
  SlowSubscriberError,
  WaitTimeoutError,
} from './core/errors.ts'
export type { Quota, QuotaChange, Rule, State } from './core/rule.ts'
export type { Ledger, Storage, Values } from './core/storage.ts'
export { type QueuedOptions, queued } from './decorators/queued.ts'
export { type RateLimitOptions, rateLimit } from './decorators/rate-limit.ts'
export type { Wrapper } from './decorators/wrapper.ts'
export { AdaptiveLimiter, type AdaptiveOptions } from './limiters/adaptive-limiter.ts'
export { ConcurrencyLimiter, type Permit } from './limiters/concurrency-limiter.ts'
export { createLimiter } from './limiters/create-limiter.ts'
export type { CompositePart } from './limiters/factory.ts'
export { LimiterFactory } from './limiters/factory.ts'
export type {
  Limiter,
  LimiterEvents,
  LimiterOptions,
  LimiterStats,
  LocalLimiter,
  WaitOptions,
} from './limiters/limiter.ts'
// What comes next, and who works.
export type { Backend, BackendCounts, LocalBackend, Source, Verdict } from './queues/backend.ts'
export type { BatchContext, BatchFunction, BatchResults } from './queues/batch.ts'
export { BatchCollector, type BatchCollectorOptions } from './queues/batch-collector.ts'
export type {
  Broadcast,
  BroadcastOptions,
  SlowPolicy,
  SubscribeOptions,
  Subscription,
} from './queues/broadcast.ts'
export type { Handler } from './queues/consumer.ts'
export type { DedupeMode, DedupeOptions } from './queues/dedupe.ts'
export { type FifoOptions, type PriorityOptions, QueueFactory } from './queues/factory.ts'
export type { Job, JobState, TaskContext } from './queues/job.ts'
export { MemoryBackend, type MemoryBackendOptions } from './queues/memory-backend.ts'
export type {
  DeadLetter,
  JobRecord,
  Overflow,
  PutOptions,
  Queue,
  QueueEvents,
  QueueOptions,
  QueueStats,
  StopOptions,
  StopReport,
} from './queues/queue.ts'
export { type BackoffContext, type BackoffOptions, backoff } from './resilience/backoff.ts'
export type { DelayOptions, Jitter, RetryOptions } from './resilience/retry.ts'
// How to decide.
export { type ConcurrencyOptions, concurrency } from './rules/concurrency.ts'
export { fixedWindow } from './rules/fixed-window.ts'
export { type LeakyBucketOptions, leakyBucket } from './rules/leaky-bucket.ts'
export { slidingWindow } from './rules/sliding-window.ts'
export { type TokenBucketOptions, tokenBucket } from './rules/token-bucket.ts'
// Where it is remembered.
export { MemoryStorage, type MemoryStorageOptions } from './storage/memory-storage.ts'
export type { AutoscaleOptions } from './workers/autoscale.ts'
export type { MapOptions } from './workers/map.ts'
export { type Executor, WorkerPool, type WorkerPoolOptions } from './workers/pool.ts'
