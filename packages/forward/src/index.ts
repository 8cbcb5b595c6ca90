export type { Forward, ForwardedRequest, ForwardOptions } from './options.ts'
