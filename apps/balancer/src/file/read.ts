/** Reads the plan: from `balancer.yaml` and the files it names, or every mistake in them; or from the environment alone. */
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { type ClusterPlan, planCluster } from '@spillway/clusters'
import { ConfigError, mistakesOf, sound, YamlFile } from '@spillway/service'
import { loadPolicy } from '@spillway/upstreams'
import type { Config } from '../config.ts'
import { readPath } from '../reading.ts'
import type { Plan } from './plan.ts'
import { ruleMistakes } from './rules.ts'
import { BalancerFile } from './schema.ts'

/** @throws {YamlError | ConfigError} naming every mistake */
export async function readPlan(config: Config): Promise<Plan> {
  if ('BALANCER_FILE' in config) return readFile(config.BALANCER_FILE, config.DENY_PATHS)
  const { SPILLWAY_UPSTREAMS: endpoints, POLICY, HASH_BY: hash, CHECK_PATH } = config
  const policy = await loadPolicy(POLICY).catch((cause: Error) => {
    throw new ConfigError([`POLICY cannot be used: ${cause.message}`], { cause })
  })
  if (hash !== undefined && typeof policy === 'string' && policy !== 'hash') {
    throw new ConfigError([`HASH_BY is set, but POLICY is ${policy}; only hash looks at it`])
  }
  const options = { endpoints: [...endpoints], policy, check: CHECK_PATH !== 'none' && { path: CHECK_PATH } }
  const source = { ...options, policy: POLICY, ...(hash !== undefined && { hash }) }
  return { clusters: { gateway: { source, options } }, routes: [{ to: 'gateway' }] }
}

async function readFile(name: string, denied: readonly string[]): Promise<Plan> {
  const file = new YamlFile(name, textOf(name))
  const mistakes = mistakesOf(BalancerFile, file.value)
  const value = sound(file.value, mistakes)
  const hidden = denied.map((each) => readPath(each).resolved)
  mistakes.push(...ruleMistakes(value, hidden, (at) => file.lineOf(at)))
  const clusters: Record<string, ClusterPlan> = {}
  for (const [cluster, source] of Object.entries((value as Partial<BalancerFile> | undefined)?.clusters ?? {})) {
    if (source === undefined) continue
    clusters[cluster] = await planCluster(source, { folder: path.dirname(name), at: ['clusters', cluster], mistakes })
  }
  file.refuse(mistakes)
  return { clusters, routes: (file.value as BalancerFile).routes }
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code ?? String(error)
    const message = `BALANCER_FILE is ${JSON.stringify(file)}, which cannot be read (${why})`
    throw new ConfigError([message], { cause: error })
  }
}
