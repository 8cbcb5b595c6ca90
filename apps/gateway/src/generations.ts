/** What the routes file says, one reading after another: each is built beside the one that serves, and takes its place. */
import { isDeepStrictEqual } from 'node:util'
import { type Cluster, Clusters, clusterChanges } from '@spillway/clusters'
import { type Reloaded, reloads } from '@spillway/service'
import { createGeneration, type Lasting } from './generation.ts'
import type { RoutesTable } from './routes-file/read.ts'
import { SIGN_IN_UPSTREAM } from './routes-file/rules.ts'
import type { App } from './server.ts'

export class Generations {
  /** Never rejects; one reload at a time. */
  readonly reload: () => Promise<Reloaded>
  readonly #read: () => Promise<RoutesTable>
  readonly #lasting: Lasting
  readonly #clusters: Clusters
  #table: RoutesTable
  #app: App | undefined
  /** Those of before which have requests yet, and when they end. */
  readonly #leaving = new Map<App, Promise<void>>()

  /** Checks of upstreams begin at once. */
  constructor(read: () => Promise<RoutesTable>, table: RoutesTable, lasting: Lasting) {
    this.#read = read
    this.#table = table
    this.#lasting = lasting
    this.#clusters = new Clusters(lasting.context, table.clusters)
    this.reload = reloads(() => this.#reload(), lasting.context.logger)
  }

  /** What the file says now of the service that knows the accounts; it always says something. */
  get accounts(): Cluster {
    return this.#clusters.current.get(SIGN_IN_UPSTREAM) as Cluster
  }

  /** To be called once, before the front listens. */
  async begin(): Promise<void> {
    this.#pass(await this.#create(this.#table.routes, this.#clusters.current))
  }

  /** For the front, when no request is left. */
  async close(): Promise<void> {
    // A reload under way ends with them: what it has built takes nobody's place any more.
    await this.#clusters.close()
    await Promise.all([...this.#leaving.keys(), ...(this.#app ? [this.#app] : [])].map((app) => app.close()))
  }

  async #reload(): Promise<readonly string[]> {
    const table = await this.#read()
    const clusters = clusterChanges(this.#table.clusters, table.clusters)
    const changes = isDeepStrictEqual(this.#table.routes, table.routes) ? clusters : [...clusters, 'routes']
    if (changes.length === 0) return changes
    const change = this.#clusters.change(table.clusters)
    try {
      const app = await this.#create(table.routes, change.clusters)
      await change.known().catch(async (error: unknown) => {
        await app.close()
        throw error
      })
      this.#pass(app)
      // Requests that began before may send to the clusters of before for as long as they last.
      change.apply(Promise.all(this.#leaving.values()))
      this.#table = table
      return changes
    } catch (error) {
      change.refuse()
      throw error
    }
  }

  #create(routes: RoutesTable['routes'], clusters: Clusters['current']): Promise<App> {
    return createGeneration({ routes, clusters, reload: this.reload }, this.#lasting)
  }

  #pass(app: App): void {
    const before = this.#app
    this.#app = app
    const ended = this.#lasting.front.pass(app)
    if (before) this.#leaving.set(before, this.#retire(before, ended))
  }

  async #retire(app: App, ended: Promise<void>): Promise<void> {
    await ended
    await app.close()
    this.#leaving.delete(app)
  }
}
