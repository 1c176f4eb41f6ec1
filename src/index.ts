/// <reference lib="esnext.disposable" preserve="true" />
// The public API, by purpose.
// biome-ignore-all assist/source/organizeImports: the order is the reader's.

// Limiters.
export { rateLimit, type RateLimitOptions } from './decorators/rate-limit.ts'
export type { Wrapper } from './decorators/wrapper.ts'
export { AdaptiveLimiter } from './limiters/adaptive/adaptive-limiter.ts'
export type { Adaptive, AdaptiveOptions } from './limiters/adaptive/adaptive-options.ts'
export { AdaptiveConcurrency } from './limiters/adaptive/adaptive-concurrency.ts'
export type {
  AdaptiveConcurrencyOptions,
  AdaptivePermits,
} from './limiters/adaptive/adaptive-concurrency-options.ts'
export { ConcurrencyLimiter } from './limiters/local/concurrency-limiter.ts'
export { createLimiter, type LocalOptions } from './limiters/create-limiter.ts'
export type { CompositeOptions } from './limiters/composite/composite-limiter.ts'
export type { CompositePart } from './limiters/composite/composite.ts'
export { LimiterFactory, type CreateLimiter } from './limiters/factory.ts'
export type {
  BlockOptions,
  Limiter,
  LimiterEvents,
  LimiterOptions,
  LimiterStats,
  LimiterStorage,
  LocalLimiter,
  LimiterWaitOptions,
  PermitLimiter,
  RemoteLimiters,
} from './limiters/limiter.ts'
export type { Comparison } from './limiters/comparison.ts'
export type { OutagePolicy } from './limiters/remote/outage.ts'
export type { Permit } from './limiters/permit.ts'
export type { Reservation } from './limiters/reservations/reservation.ts'
export type { ReserveOptions } from './limiters/reservations/reserve.ts'
export type { CallOptions } from './limiters/calls/call-options.ts'
export type { Classes } from './limiters/calls/terms-reader.ts'
export { RemoteConcurrency } from './limiters/remote/remote-concurrency.ts'
export { remoteLimiters } from './limiters/remote-limiters.ts'

// Queues and workers.
export { queued, type QueuedOptions } from './decorators/queued.ts'
export {
  BatchCollector,
  type BatchCollectorOptions,
  type BatchStopOptions,
} from './queues/batching/batch-collector.ts'
export type { BatchContext, BatchFunction, BatchResults } from './queues/batching/batch.ts'
export type {
  Broadcast,
  BroadcastOptions,
  SlowPolicy,
  SubscribeOptions,
  Subscription,
} from './queues/broadcast/broadcast-types.ts'
export type {
  BroadcastMaker,
  BroadcastGroup,
  DroppedItems,
  GroupOptions,
  SharedBroadcast,
  SharedBroadcastOptions,
  SharedSubscription,
} from './queues/broadcast/shared-broadcast.ts'
export type { DedupeMode, DedupeOptions } from './queues/dedupe/dedupe-options.ts'
export { QueueFactory } from './queues/factory.ts'
export type {
  DeadJobsByError,
  DeadByErrorOptions,
  GroupInfo,
  Handler,
  Job,
  JobAttempt,
  JobClaim,
  JobErrorInfo,
  JobState,
  ListOptions,
  QueueCounts,
  QueuedJobInfo,
  RedriveOptions,
  TaskContext,
} from './queues/job.ts'
export type { FifoOptions, PriorityOptions } from './queues/kinds.ts'
export { jsonCodec } from './queues/store/json-codec.ts'
export type {
  Codec,
  DeadLetter,
  DeadLetterTarget,
  Overflow,
  QueueHome,
  QueueKind,
  QueueMaker,
  QueueOptions,
} from './queues/queue-options.ts'
export type {
  ClaimOptions,
  JobRecord,
  Keep as KeepOption,
  LocalDedupeQueue,
  LocalJobHandle,
  LocalQueue,
  PauseOptions,
  PutOptions,
  Queue,
  QueueEventMap as QueueEvents,
  QueueStats,
  SharedQueue,
  SharedTerms,
  StopOptions,
  StopReport,
} from './queues/queue.ts'
export type { AutoscaleOptions } from './workers/autoscale.ts'
export type { MapOptions } from './workers/map.ts'
export {
  type Executor,
  type PoolStats,
  WorkerPool,
  type WorkerPoolOptions,
} from './workers/pool.ts'

// Breakers and retries.
export {
  circuitBreaker,
  type CircuitBreakerDecoratorOptions,
} from './decorators/circuit-breaker.ts'
export { backoff, type BackoffContext, type BackoffOptions } from './resilience/backoff.ts'
export type { CircuitBreakerOptions } from './resilience/breaker-options.ts'
export type {
  BreakerCall,
  BreakerCallOptions,
  BreakerEvents,
  BreakerSnapshot,
  BreakerState,
  BreakerChange,
  BreakerStats,
} from './resilience/breaker-types.ts'
export { CircuitBreaker } from './resilience/circuit-breaker.ts'
export {
  CircuitBreakerRegistry,
  type CircuitBreakerRegistryOptions,
  type CircuitBreakerRegistryStats,
} from './resilience/circuit-breaker-registry.ts'
export type { ErrorFilter } from './resilience/error-filter.ts'
export type { DelayOptions, Jitter, RetryOptions } from './resilience/retry.ts'

// Metrics.
export type {
  Counter,
  Family,
  Followed,
  Gauge,
  Histogram,
  HistogramOptions,
  Labels,
  Meter,
  Metered,
  MetricOptions,
} from './core/meter.ts'
export type { HistogramStats } from './metrics/histogram.ts'
export { Metrics, type MetricsOptions, metrics, type Stats } from './metrics/metrics.ts'

// Schedules.
export type {
  Campaign,
  JobFunction,
  JobInfo,
  JobOptions,
  JobRun,
  Leadership,
  Overlap,
  RunRecord,
  RunSummary,
  ScheduledJob,
  SchedulerEvents,
  SchedulerOptions,
  SchedulerStopOptions,
  SchedulerStopReport,
  SkipReason,
} from './schedule/schedule-types.ts'
export type { Period } from './schedule/period.ts'
export { Scheduler } from './schedule/scheduler.ts'
export {
  type SlotClaim,
  type SlotHeirs,
  type SlotKeeper,
  slotKeeper,
  type SlotKeeperOptions,
} from './schedule/slot-keeper.ts'

// Locks and leaders.
export { Coordinator, type CoordinatorOptions } from './coordination/coordinator.ts'
export type {
  AwaitedLock,
  CoordinatorEvents,
  Lease,
  LeaseRecord,
  LockOptions,
  LossReason,
  TryLockOptions,
} from './coordination/lease.ts'

// Rules.
export { concurrency, type ConcurrencyOptions } from './rules/concurrency.ts'
export type { Align } from './rules/calendar.ts'
export { type FixedWindowOptions, fixedWindow } from './rules/fixed-window.ts'
export { leakyBucket, type LeakyBucketOptions } from './rules/leaky-bucket.ts'
export { slidingWindow } from './rules/sliding-window.ts'
export { tokenBucket, type TokenBucketOptions } from './rules/token-bucket.ts'

// Storages.
export { MemoryStorage, type MemoryStorageOptions } from './storage/memory-storage.ts'

// Decisions, errors, clocks and durations.
export { type Cancel, type Clock, systemClock } from './core/clock.ts'
export type { Decision } from './core/decision.ts'
export type { Duration } from './core/duration.ts'
export {
  AioFluxError,
  type AioFluxErrorCode,
  BatchResultError,
  CircuitBreakerOpen,
  ClosedError,
  CostTooLargeError,
  isAioFluxError,
  JobCancelledError,
  JobDroppedError,
  JobFailedError,
  JobGoneError,
  JobTimeoutError,
  LeaseLostError,
  LimitExceededError,
  OptionRangeError,
  OptionTypeError,
  QueueDeadlockError,
  QueueFullError,
  ReservationExpiredError,
  SlowSubscriberError,
  StorageDownError,
  StorageFullError,
  UnconfirmedError,
  WaitTimeoutError,
} from './core/errors.ts'
export type {
  LeaseAnswer,
  LeaseRequest,
  LeaseStore,
  LeaseWatch,
  OthersTurn,
} from './core/lease-store.ts'
export type { WaitOptions } from './core/waiters.ts'
export type { CallQuota, Holds, Quota, QuotaChange, Rule, SettledAs, State } from './core/rule.ts'
export type {
  AboutHold,
  Hold,
  Judged,
  Keep,
  Ledger,
  Move,
  RemoteLedger,
  RemoteStorage,
  Settlement,
  Storage,
  Values,
  Verdict,
} from './core/storage.ts'
