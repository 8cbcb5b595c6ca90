/** What stands behind the front door now: clusters and the routes to them, watched, and applied anew at a reload. */
import { EventEmitter } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import { measureClient, measureUpstreams } from '@spillway/metrics'
import { ConfigError, type ServiceContext, YamlError } from '@spillway/service'
import { retry, type Transition, Upstreams } from '@spillway/upstreams'
import type { Dispatcher } from 'undici'
import type { Config } from './config.ts'
import { bothOf, type ClusterPlan, changesBetween, type Plan } from './file/plan.ts'
import { readPlan } from './file/read.ts'
import { type HashKey, hashKey } from './hash-key.ts'
import { known } from './known.ts'
import { readPath } from './reading.ts'
import { createRoute, type Route } from './route.ts'
import { RouteTable } from './route-table.ts'

/** Upstreams that do the same work, under one name. */
export interface Cluster {
  readonly name: string
  readonly upstreams: Upstreams
  /** Measured and retried. */
  readonly dispatcher: Dispatcher
  /** What its requests are told apart by. */
  readonly key: HashKey
  readonly plan: ClusterPlan
}

/** An endpoint's change, and the cluster it happened in. */
export interface ClusterTransition extends Transition {
  readonly upstream: string
}

/** What became of a reload: what is different now, nothing where the list is empty; or why all is as it was. */
type Reloaded =
  | { readonly outcome: 'applied'; readonly changes: readonly string[] }
  | { readonly outcome: 'refused'; readonly mistakes: readonly string[] }

interface Standing {
  readonly plan: Plan
  readonly clusters: ReadonlyMap<string, Cluster>
  readonly routes: RouteTable<Route | undefined>
}

interface Changed {
  readonly opened: Cluster[]
  /** The same clusters as before, with other endpoints; `both`: with those of before. */
  readonly moved: {
    readonly cluster: Cluster
    readonly was: ClusterPlan
    readonly both: ReturnType<typeof bothOf> & {}
  }[]
}

/** Milliseconds between two looks at a cluster that leaves; two without a request, since one may wait to be retried. */
const IDLE_EVERY = 500

/** @throws {YamlError | ConfigError} naming every mistake */
export async function createClusters(config: Config, context: ServiceContext): Promise<Clusters> {
  return new Clusters(config, context, await readPlan(config))
}

/** Checks begin when constructed. The front door closes it. */
export class Clusters {
  /** Emits `transition` for each change in any cluster. */
  readonly events = new EventEmitter<{ transition: [ClusterTransition] }>()
  readonly #config: Config
  readonly #context: ServiceContext
  readonly #client: Dispatcher.DispatcherComposeInterceptor
  readonly #measure: ReturnType<typeof measureUpstreams>
  /** By cluster, for good: a registry takes a name once. */
  readonly #measured = new Map<string, ReturnType<ReturnType<typeof measureUpstreams>>>()
  /** They finish what they have; nobody hears of them any more. */
  readonly #leaving = new Set<Upstreams>()
  readonly #closing = new AbortController()
  #standing: Standing
  #reloading: Promise<unknown> = Promise.resolve()

  constructor(config: Config, context: ServiceContext, plan: Plan) {
    this.#config = config
    this.#context = context
    this.#client = measureClient(context.registry)
    this.#measure = measureUpstreams(context.registry)
    this.#standing = this.#stand(plan, { opened: [], moved: [] })
  }

  /** Those of now. */
  all(): readonly Cluster[] {
    return [...this.#standing.clusters.values()]
  }

  get routes(): RouteTable<Route | undefined> {
    return this.#standing.routes
  }

  /**
   * Applies the file as it is now. A cluster of which nothing or only the list of endpoints changed stays what it is, with
   * all that is known of those that stay; else it is another from then on. What leaves finishes its requests. Never
   * rejects; one reload at a time.
   */
  reload(): Promise<Reloaded> {
    const reloaded = this.#reloading.then(() => this.#reload())
    this.#reloading = reloaded
    return reloaded
  }

  /** Resolves when the requests under way have ended. */
  async close(): Promise<void> {
    this.#closing.abort()
    await this.#reloading
    const all = [...this.all().map(({ upstreams }) => upstreams), ...this.#leaving]
    await Promise.all(all.map((upstreams) => upstreams.close()))
  }

  async #reload(): Promise<Reloaded> {
    const { logger } = this.#context
    const changed: Changed = { opened: [], moved: [] }
    try {
      if (!('BALANCER_FILE' in this.#config))
        throw new Error('BALANCER_FILE is not set: there is no file to read again')
      const plan = await readPlan(this.#config)
      const changes = changesBetween(this.#standing.plan, plan)
      if (changes.length > 0) await this.#replace(this.#stand(plan, changed), changed)
      logger.info({ changes }, changes.length > 0 ? 'reloaded' : 'reloaded, and nothing changed')
      return { outcome: 'applied', changes }
    } catch (error) {
      for (const { upstreams } of changed.opened) void upstreams.close()
      for (const { cluster, was } of changed.moved) cluster.upstreams.update(was.options.endpoints)
      const mistakes = mistakesIn(error as Error)
      logger.error({ mistakes }, 'the reload is refused; all stays as it was')
      return { outcome: 'refused', mistakes }
    }
  }

  /** Those who leave stay until those who come are known. */
  async #replace(next: Standing, { opened, moved }: Changed): Promise<void> {
    const before = [...this.#standing.clusters.values()]
    for (const { cluster, both } of moved) cluster.upstreams.update(both)
    await known([...opened, ...moved.map(({ cluster }) => cluster)], this.#closing.signal)
    this.#standing = next
    for (const { cluster } of moved) cluster.upstreams.update(cluster.plan.options.endpoints)
    for (const cluster of before) {
      if (next.clusters.get(cluster.name)?.upstreams !== cluster.upstreams) void this.#retire(cluster)
    }
  }

  /** @param changed takes the clusters that are other ones than before, or have other endpoints */
  #stand(plan: Plan, changed: Changed): Standing {
    const clusters = new Map<string, Cluster>()
    for (const [name, part] of Object.entries(plan.clusters)) {
      clusters.set(name, this.#cluster(name, part, changed))
    }
    const surroundings = { clusters, name: this.#context.instance }
    const denied = this.#config.DENY_PATHS.map((path) => ({ path: readPath(path).resolved, route: undefined }))
    const routes = plan.routes.map((route) => ({ ...route, route: createRoute(route, surroundings) }))
    return { plan, clusters, routes: new RouteTable<Route | undefined>([...denied, ...routes]) }
  }

  #cluster(name: string, plan: ClusterPlan, { opened, moved }: Changed): Cluster {
    const known = this.#standing?.clusters.get(name)
    if (known && isDeepStrictEqual(known.plan.source, plan.source)) return known
    const both = known && bothOf(known.plan, plan)
    const cluster = both ? { ...known, plan } : this.#open(name, plan)
    if (both) moved.push({ cluster, was: known.plan, both })
    else opened.push(cluster)
    return cluster
  }

  #open(name: string, plan: ClusterPlan): Cluster {
    const measured = this.#measured.get(name) ?? this.#measure(name, () => this.#standing.clusters.get(name)?.upstreams)
    this.#measured.set(name, measured)
    const upstreams: Upstreams = new Upstreams({
      ...plan.options,
      name,
      onTransition: (transition) => {
        if (!this.#leaving.has(upstreams)) this.#tell({ upstream: name, ...transition })
      },
    })
    const dispatcher = upstreams.compose(this.#client, measured.countRetries, retry({ budget: upstreams.budget }))
    return { name, upstreams, dispatcher, key: hashKey(plan.source.hash ?? 'path'), plan }
  }

  #tell(transition: ClusterTransition): void {
    this.#context.logger.info(transition, 'upstream changed')
    this.#measured.get(transition.upstream)?.transition(transition)
    this.events.emit('transition', transition)
  }

  /** Nobody sends there any more; it is closed when its last request, or tunnel, has ended. */
  async #retire({ name, upstreams }: Cluster): Promise<void> {
    this.#leaving.add(upstreams)
    const still = new Set(
      this.#standing.clusters
        .get(name)
        ?.upstreams.endpoints()
        .map(({ origin }) => origin),
    )
    for (const { origin: endpoint, condition: from } of upstreams.endpoints()) {
      if (!still.has(endpoint))
        this.#tell({ upstream: name, endpoint, from, to: 'absent', reason: 'the file names it no longer' })
    }
    try {
      for (let looks = 0; looks < 2; looks = isIdle(upstreams) ? looks + 1 : 0) {
        await pause(IDLE_EVERY, undefined, { signal: this.#closing.signal })
      }
      await upstreams.close()
      this.#leaving.delete(upstreams)
    } catch {
      // The balancer stops: `close` ends this one with the others.
    }
  }
}

function isIdle(upstreams: Upstreams): boolean {
  const { inFlight, pending } = upstreams.stats()
  return inFlight + pending === 0
}

/** A line each, without the line that counts them. */
function mistakesIn(error: Error): readonly string[] {
  if (!(error instanceof YamlError || error instanceof ConfigError)) return [error.message]
  return [...error.message.matchAll(/\n *(.*)/g)].map(([, line = '']) => line)
}
