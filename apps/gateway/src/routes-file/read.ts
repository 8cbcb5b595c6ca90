/** Reads a routes file: YAML in, a table of routes out, or every mistake in it with line and column. */
import path from 'node:path'
import { type ClusterPlan, type ClusterPlans, planCluster } from '@spillway/clusters'
import { duration, isMapping, mistakesOf, size, sound, YamlFile } from '@spillway/service'
import { Value } from 'typebox/value'
import { type CacheOptions, cacheOptions } from './caching.ts'
import { loadInterceptors, type OwnInterceptor } from './interceptors.ts'
import { definitions } from './json-schema.ts'
import { limitsOf, type RouteLimit } from './limit.ts'
import { ruleMistakes } from './rules.ts'
import { type RouteSource, RoutesSource } from './schema.ts'
import { clusterSource, upstreamMistakes } from './upstreams.ts'
import { expand, type Variables } from './variables.ts'

/** One route, with its defaults filled in. */
export interface Route
  extends Omit<
    RouteSource,
    'cache' | 'mount' | 'identity' | 'timeout' | 'bodyLimit' | 'request' | 'responses' | 'interceptors'
  > {
  /** For whom a cached answer may be reused; `none` passes the cache by. */
  cacheScope: 'none' | 'public' | 'role' | 'user'
  cacheOptions: CacheOptions
  limits: readonly RouteLimit[]
  identity: 'none' | 'forward'
  retries: 'once' | 'none'
  /** The upstream's path that this one and what is below it lead to. */
  mount?: string
  /** How long the upstream may take to begin its answer, in milliseconds. */
  timeoutMs: number
  /** Bytes. Without one a body of any length is streamed, unless it has a schema. */
  bodyLimit?: number
  /** Around the cache, the outermost first. */
  interceptors: readonly OwnInterceptor[]
  request: NonNullable<RouteSource['request']>
  responses: NonNullable<RouteSource['responses']>
}

export interface RoutesTable {
  clusters: ClusterPlans
  routes: readonly Route[]
}

const Timeout = duration({ about: '' })
const Size = size({ about: '' })

/**
 * @param text the file's content
 * @param options `file` is its name, beside which are those that it names; `variables` are what `${NAME}` may name
 * @throws {YamlError} naming every mistake
 */
export async function readRoutes(text: string, options: { file: string; variables: Variables }): Promise<RoutesTable> {
  const file = new YamlFile(options.file, text)
  const { variables } = options
  const mistakes = mistakesOf(RoutesSource, file.value, [], definitions)
  const { upstreams = {}, routes = [] } = (sound(file.value, mistakes) ?? {}) as Partial<RoutesSource>
  mistakes.push(...ruleMistakes(file.value, variables, (path) => file.lineOf(path)))
  const clusters: Record<string, ClusterPlan> = {}
  for (const [name, upstream] of Object.entries(upstreams)) {
    if (upstream === undefined) continue
    const at = ['upstreams', name]
    const wrong = upstreamMistakes(upstream, at, variables)
    mistakes.push(...wrong)
    // Its endpoints are nobody's yet; the files that it names can be looked into all the same.
    const source = wrong.length > 0 || upstream.endpoints === undefined ? { ...upstream, endpoints: [] } : upstream
    clusters[name] = await planCluster(clusterSource(source, variables), {
      folder: path.dirname(options.file),
      at,
      mistakes,
    })
  }
  const interceptors = await loadInterceptors(routes, { folder: path.dirname(options.file), mistakes })
  file.refuse(mistakes)
  const table = (file.value as RoutesSource).routes.map((each, index) => ({
    ...route(each, variables),
    interceptors: interceptors[index] ?? [],
  }))
  return { clusters, routes: table }
}

function scopeOf(cache: RouteSource['cache'], auth: RouteSource['auth']): Route['cacheScope'] {
  return isMapping(cache) ? cache.scope : (cache ?? (auth === 'public' ? 'public' : 'user'))
}

function route(source: RouteSource, variables: Variables): Omit<Route, 'interceptors'> {
  const {
    interceptors: _,
    cache,
    mount,
    limit,
    timeout = '15s',
    bodyLimit,
    request = {},
    responses = {},
    identity = 'none',
    retries = 'once',
    ...rest
  } = source
  return {
    ...rest,
    cacheScope: mount === undefined ? scopeOf(cache, source.auth) : 'none',
    cacheOptions: isMapping(cache) ? cacheOptions(cache) : {},
    limits: limitsOf(limit, source.auth),
    identity,
    retries,
    timeoutMs: Value.Decode(Timeout, timeout),
    ...(mount === undefined ? {} : { mount: expand(mount, variables) }),
    ...(bodyLimit === undefined ? {} : { bodyLimit: Value.Decode(Size, bodyLimit) }),
    request,
    responses,
  }
}
