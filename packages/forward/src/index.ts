export { HopFailure, Refusal } from './failure.ts'
export { createForward } from './forward.ts'
export { intake } from './intake.ts'
export type { Forward, ForwardedRequest, ForwardOptions } from './options.ts'
