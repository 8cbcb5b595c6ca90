/** Clusters of upstreams by their names: opened, watched, kept or replaced where their plans change, closed. */
import { EventEmitter } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import { measureClient, measureUpstreams } from '@spillway/metrics'
import type { ServiceContext } from '@spillway/service'
import { retry, type Transition, Upstreams } from '@spillway/upstreams'
import type { Dispatcher } from 'undici'
import { type HashKey, hashKey } from './hash-key.ts'
import { known } from './known.ts'
import { bothOf, type ClusterPlan, type ClusterPlans } from './plan.ts'

/** Upstreams that do the same work, under one name. */
export interface Cluster {
  readonly name: string
  readonly upstreams: Upstreams
  /** Measured and retried. */
  readonly dispatcher: Dispatcher
  /** Measured alone. */
  readonly once: Dispatcher
  /** What a request is told apart by from others; undefined where the policy does not look at it. */
  readonly key: HashKey
  readonly plan: ClusterPlan
}

/** An endpoint's change, and the cluster it happened in. */
export interface ClusterTransition extends Transition {
  readonly upstream: string
}

/** What is to be, opened beside what is. Ends with `apply` or `refuse`. */
export interface Change {
  /** By name. */
  readonly clusters: ReadonlyMap<string, Cluster>
  /**
   * Resolves when enough is known of the endpoints that come; those that leave are in use until then.
   * @throws where the clusters are closed before
   */
  known(): Promise<void>
  /**
   * Those who leave finish what they have.
   * @param unused resolves when nobody sends anything to the clusters of before any more. Default: nobody does
   */
  apply(unused?: Promise<unknown>): void
  /** All stays as it was. */
  refuse(): void
}

/** The policies that look at what a request is told apart by. */
const KEYED: Partial<Record<Upstreams['policy'], true>> = { hash: true, own: true }

/** Milliseconds between two looks at a cluster that leaves; two without a request, since one may wait to be retried. */
const IDLE_EVERY = 500

/** Checks begin when constructed. */
export class Clusters {
  /** Emits `transition` for each change in any cluster. */
  readonly events = new EventEmitter<{ transition: [ClusterTransition] }>()
  readonly #logger: ServiceContext['logger']
  readonly #client: Dispatcher.DispatcherComposeInterceptor
  readonly #measure: ReturnType<typeof measureUpstreams>
  /** By cluster, for good: a registry takes a name once. */
  readonly #measured = new Map<string, ReturnType<ReturnType<typeof measureUpstreams>>>()
  /** They finish what they have; nobody hears of them any more. */
  readonly #leaving = new Set<Upstreams>()
  readonly #closing = new AbortController()
  #current: ReadonlyMap<string, Cluster> = new Map()

  constructor({ logger, registry }: Pick<ServiceContext, 'logger' | 'registry'>, plans: ClusterPlans) {
    this.#logger = logger
    this.#client = measureClient(registry)
    this.#measure = measureUpstreams(registry)
    this.change(plans).apply()
  }

  /** Those of now, by name. */
  get current(): ReadonlyMap<string, Cluster> {
    return this.#current
  }

  all(): readonly Cluster[] {
    return [...this.#current.values()]
  }

  /** Resolves when there is a verdict on each endpoint, good or bad, or after 5 s. */
  known(): Promise<void> {
    return known(this.all(), this.#closing.signal)
  }

  /**
   * A cluster of which nothing or only the list of endpoints changed stays what it is, with all that is known of those that
   * stay; else it is another from then on. One change at a time.
   */
  change(plans: ClusterPlans): Change {
    const before = this.#current
    const opened: Cluster[] = []
    const moved: { cluster: Cluster; was: ClusterPlan; both: ReturnType<typeof bothOf> & {} }[] = []
    const next = (name: string, plan: ClusterPlan): Cluster => {
      const was = before.get(name)
      if (was && isDeepStrictEqual(was.plan.source, plan.source)) return was
      const both = was && bothOf(was.plan, plan)
      const cluster = both ? { ...was, plan } : this.#open(name, plan)
      if (both) moved.push({ cluster, was: was.plan, both })
      else opened.push(cluster)
      return cluster
    }
    const refuse = () => {
      for (const { upstreams } of opened) void upstreams.close()
      for (const { cluster, was } of moved) cluster.upstreams.update(was.options.endpoints)
    }
    const clusters = new Map<string, Cluster>()
    try {
      for (const [name, plan] of Object.entries(plans)) clusters.set(name, next(name, plan))
    } catch (error) {
      refuse()
      throw error
    }
    return {
      clusters,
      refuse,
      known: () => {
        for (const { cluster, both } of moved) cluster.upstreams.update(both)
        return known([...opened, ...moved.map(({ cluster }) => cluster)], this.#closing.signal)
      },
      apply: (unused) => {
        this.#current = clusters
        for (const { cluster } of moved) cluster.upstreams.update(cluster.plan.options.endpoints)
        for (const cluster of before.values()) {
          if (clusters.get(cluster.name)?.upstreams !== cluster.upstreams) void this.#retire(cluster, unused)
        }
      },
    }
  }

  /** Resolves when the requests under way have ended. */
  async close(): Promise<void> {
    this.#closing.abort()
    const all = [...this.all().map(({ upstreams }) => upstreams), ...this.#leaving]
    await Promise.all(all.map((upstreams) => upstreams.close()))
  }

  #open(name: string, plan: ClusterPlan): Cluster {
    const measured = this.#measured.get(name) ?? this.#measure(name, () => this.#current.get(name)?.upstreams)
    this.#measured.set(name, measured)
    const upstreams: Upstreams = new Upstreams({
      ...plan.options,
      name,
      onTransition: (transition) => {
        if (!this.#leaving.has(upstreams)) this.#tell({ upstream: name, ...transition })
      },
    })
    const once = upstreams.compose(this.#client, measured.countRetries)
    const key = hashKey(plan.source.hash ?? 'path')
    return {
      name,
      upstreams,
      once,
      dispatcher: once.compose(retry({ budget: upstreams.budget })),
      // Looked at each time, since operators change policies while requests pass.
      key: (request) => (KEYED[upstreams.policy] ? key(request) : undefined),
      plan,
    }
  }

  #tell(transition: ClusterTransition): void {
    this.#logger.info(transition, 'upstream changed')
    this.#measured.get(transition.upstream)?.transition(transition)
    this.events.emit('transition', transition)
  }

  /** Nobody sends there any more; it is closed when its last request, or tunnel, has ended. */
  async #retire({ name, upstreams }: Cluster, unused: Promise<unknown> | undefined): Promise<void> {
    this.#leaving.add(upstreams)
    const still = new Set(
      this.#current
        .get(name)
        ?.upstreams.endpoints()
        .map(({ origin }) => origin),
    )
    for (const { origin: endpoint, condition: from } of upstreams.endpoints()) {
      if (!still.has(endpoint))
        this.#tell({ upstream: name, endpoint, from, to: 'absent', reason: 'the file names it no longer' })
    }
    try {
      await unused
      for (let looks = 0; looks < 2; looks = isIdle(upstreams) ? looks + 1 : 0) {
        await pause(IDLE_EVERY, undefined, { signal: this.#closing.signal })
      }
      await upstreams.close()
      this.#leaving.delete(upstreams)
    } catch {
      // The process stops: `close` ends this one with the others.
    }
  }
}

function isIdle(upstreams: Upstreams): boolean {
  const { inFlight, pending } = upstreams.stats()
  return inFlight + pending === 0
}
