/** The upstreams of the front door, watched: each change a log line, all of them in the metrics. */
import { measureClient, measureUpstreams } from '@spillway/metrics'
import type { ServiceContext } from '@spillway/service'
import { retry, Upstreams } from '@spillway/upstreams'
import type { Dispatcher } from 'undici'
import type { Config } from './config.ts'

export interface Gateways {
  readonly upstreams: Upstreams
  /** Measured and retried. */
  readonly dispatcher: Dispatcher
}

/** Checks begin at once. The front door closes what this opens. */
export function createGateways(
  { SPILLWAY_UPSTREAMS, POLICY }: Pick<Config, 'SPILLWAY_UPSTREAMS' | 'POLICY'>,
  { logger, registry }: Pick<ServiceContext, 'logger' | 'registry'>,
): Gateways {
  const measured = measureUpstreams(registry)('gateway', () => upstreams.endpoints())
  const upstreams = new Upstreams({
    name: 'gateway',
    endpoints: SPILLWAY_UPSTREAMS,
    policy: POLICY,
    onTransition: (transition) => {
      logger.info({ upstream: 'gateway', ...transition }, 'upstream changed')
      measured.transition(transition)
    },
  })
  return { upstreams, dispatcher: upstreams.compose(measureClient(registry), measured.countRetries, retry()) }
}
