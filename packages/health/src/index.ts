export { type Check, CheckResult, type HealthOptions, health, type ReadyReport, readiness } from './health.ts'
export { Lifecycle, type LifecycleState } from './lifecycle.ts'
