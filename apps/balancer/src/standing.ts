/** What stands behind the front door now: clusters and the routes to them, applied anew at a reload. */
import { type Cluster, Clusters } from '@spillway/clusters'
import { type Reloaded, reloads, type ServiceContext } from '@spillway/service'
import type { Config } from './config.ts'
import { changesBetween, type Plan } from './file/plan.ts'
import { readPlan } from './file/read.ts'
import { readPath } from './reading.ts'
import { createRoute, type Route } from './route.ts'
import { RouteTable } from './route-table.ts'

/** @throws {YamlError | ConfigError} naming every mistake */
export async function createStanding(config: Config, context: ServiceContext): Promise<Standing> {
  return new Standing(config, context, await readPlan(config))
}

/** The front door closes it. */
export class Standing {
  readonly clusters: Clusters
  /**
   * Applies the file as it is now. Clusters stay what they are as far as their plans do; what leaves finishes its requests.
   * Never rejects; one reload at a time.
   */
  readonly reload: () => Promise<Reloaded>
  readonly #config: Config
  /** This balancer's, in the fields that a hop writes. */
  readonly #name: string
  #plan: Plan
  #routes: RouteTable<Route | undefined>

  constructor(config: Config, context: ServiceContext, plan: Plan) {
    this.#config = config
    this.#name = context.instance
    this.clusters = new Clusters(context, plan.clusters)
    this.reload = reloads(() => this.#reload(), context.logger)
    this.#plan = plan
    this.#routes = this.#table(plan, this.clusters.current)
  }

  get routes(): RouteTable<Route | undefined> {
    return this.#routes
  }

  async #reload(): Promise<readonly string[]> {
    if (!('BALANCER_FILE' in this.#config)) throw new Error('BALANCER_FILE is not set: there is no file to read again')
    const plan = await readPlan(this.#config)
    const changes = changesBetween(this.#plan, plan)
    if (changes.length === 0) return changes
    const change = this.clusters.change(plan.clusters)
    try {
      const routes = this.#table(plan, change.clusters)
      await change.known()
      // A request is with its cluster as soon as it is with its route: nobody sends to those of before any more.
      change.apply()
      this.#plan = plan
      this.#routes = routes
      return changes
    } catch (error) {
      change.refuse()
      throw error
    }
  }

  #table(plan: Plan, clusters: ReadonlyMap<string, Cluster>): RouteTable<Route | undefined> {
    const surroundings = { clusters, name: this.#name }
    const denied = this.#config.DENY_PATHS.map((path) => ({ path: readPath(path).resolved, route: undefined }))
    const routes = plan.routes.map((route) => ({ ...route, route: createRoute(route, surroundings) }))
    return new RouteTable<Route | undefined>([...denied, ...routes])
  }
}
