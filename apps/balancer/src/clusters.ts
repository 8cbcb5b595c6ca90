/** The clusters behind the front door, watched: each change a log line and an event, all of them in the metrics. */
import { EventEmitter } from 'node:events'
import { measureClient, measureUpstreams } from '@spillway/metrics'
import type { ServiceContext } from '@spillway/service'
import { retry, type Transition, Upstreams } from '@spillway/upstreams'
import type { Dispatcher } from 'undici'
import type { Config } from './config.ts'

/** Upstreams that do the same work, under one name. */
export interface Cluster {
  readonly name: string
  readonly upstreams: Upstreams
  /** Measured and retried. */
  readonly dispatcher: Dispatcher
}

/** What became of a reload: what is different now, nothing where the list is empty; or why all is as it was. */
type Reloaded =
  | { readonly outcome: 'applied'; readonly changes: readonly string[] }
  | { readonly outcome: 'refused'; readonly mistakes: readonly string[] }

export interface Clusters {
  /** Those of now. */
  all(): readonly Cluster[]
  /** Emits `transition`, a {@link ClusterTransition}, for each change in any of them. */
  readonly events: EventEmitter<{ transition: [ClusterTransition] }>
  /** Never rejects. */
  reload(): Promise<Reloaded>
  /** Resolves when the requests under way have ended. */
  close(): Promise<void>
}

/** An endpoint's change, and the cluster it happened in. */
export interface ClusterTransition extends Transition {
  readonly upstream: string
}

/** The one that the environment names. Checks begin at once. The front door closes what this opens. */
export function createClusters(
  { SPILLWAY_UPSTREAMS, POLICY }: Pick<Config, 'SPILLWAY_UPSTREAMS' | 'POLICY'>,
  { logger, registry }: Pick<ServiceContext, 'logger' | 'registry'>,
): Clusters {
  const events: Clusters['events'] = new EventEmitter()
  const client = measureClient(registry)
  const measure = measureUpstreams(registry)

  const open = (name: string): Cluster => {
    const measured = measure(name, () => upstreams.endpoints())
    const upstreams = new Upstreams({
      name,
      endpoints: SPILLWAY_UPSTREAMS,
      policy: POLICY,
      onTransition: (transition) => {
        logger.info({ upstream: name, ...transition }, 'upstream changed')
        measured.transition(transition)
        events.emit('transition', { upstream: name, ...transition })
      },
    })
    return { name, upstreams, dispatcher: upstreams.compose(client, measured.countRetries, retry()) }
  }

  const clusters = [open('gateway')]
  return {
    all: () => clusters,
    events,
    reload: async () => ({
      outcome: 'refused',
      mistakes: ['the clusters come from the environment, which is read at start alone'],
    }),
    async close() {
      await Promise.all(clusters.map(({ upstreams }) => upstreams.close()))
    },
  }
}
