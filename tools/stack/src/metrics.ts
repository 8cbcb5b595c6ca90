/** `make metrics`: the classics, summed over replicas, from what each service counts itself. */
import { parseMetrics } from '@spillway/metrics'
import { deployment } from './find-deployment.ts'
import type { Environment } from './settings.ts'
import type { ServiceEntry, StateDir } from './state.ts'
import { table } from './table.ts'

const ANSWER_WITHIN_MS = 5_000

/** A service, and what it counts; undefined where it does not answer. */
interface Scraped extends ServiceEntry {
  samples: ReturnType<typeof parseMetrics> | undefined
}

/** What the balancer knows of one gateway. */
interface Endpoint {
  origin: string
  available: boolean
  requests: number
  failures: number
}

export async function metrics(state: StateDir, environment: Environment): Promise<number> {
  const services = (await deployment(state, environment)).services.filter(({ role }) => role !== 'postgres')
  const [all, endpoints] = await Promise.all([Promise.all(services.map(scrape)), seenByBalancer(services)])
  const silent = all.filter(({ samples }) => samples === undefined).map(({ name }) => name)
  process.stdout.write(`${table(['', 'since the start'], classics(all))}\n\n`)
  process.stdout.write(
    `${table(['gateway', 'requests', 'average', 'availability', 'now'], gateways(all, endpoints))}\n`,
  )
  if (silent.length > 0)
    process.stdout.write(`\nWithout ${silent.join(', ')}, which did not answer: see make status.\n`)
  return silent.length > 0 ? 1 : 0
}

async function scrape(service: ServiceEntry): Promise<Scraped> {
  const text = await read(`${service.adminUrl ?? service.url}/metrics`)
  return { ...service, samples: text === undefined ? undefined : parseMetrics(text) }
}

async function seenByBalancer(services: readonly ServiceEntry[]): Promise<Endpoint[]> {
  const balancer = services.find(({ role }) => role === 'balancer')
  const text = balancer && (await read(`${balancer.adminUrl ?? balancer.url}/upstreams`))
  return text === undefined ? [] : (JSON.parse(text) as { endpoints: Endpoint[] }).endpoints
}

async function read(url: string): Promise<string | undefined> {
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(ANSWER_WITHIN_MS) })
    return answer.ok ? await answer.text() : undefined
  } catch {
    return undefined
  }
}

function classics(all: readonly Scraped[]): string[][] {
  const total = (name: string, labels?: Record<string, string>) => sum(all, name, labels)
  const reads = 'spillway_gateway_cache_reads_total'
  // What is stale came out of a cache, too.
  const from = (tier: string) => total(reads, { outcome: 'hit', tier }) + total(reads, { outcome: 'stale', tier })
  const [l1, l2] = [from('l1'), from('l2')]
  const everyRead = total(reads)
  const jobs = ['succeeded', 'failed', 'cancelled', 'retried'].map(
    (outcome) => `${count(total('spillway_worker_jobs_total', { outcome }))} ${outcome}`,
  )
  const entries = all.some(({ role }) => role === 'cache')
    ? `${count(total('spillway_cache_size'))} entries, ${kilobytes(total('spillway_cache_bytes'))}`
    : 'what Valkey or Redis holds'
  return [
    ['cache hits', `${count(l1 + l2)} (${count(l1)} in a gateway's own memory, ${count(l2)} in the shared cache)`],
    ['cache misses', count(everyRead - l1 - l2)],
    ['cache hit rate', everyRead > 0 ? percent((l1 + l2) / everyRead) : 'nothing was read'],
    ['cache size', `${entries}; in the gateways ${kilobytes(total('spillway_gateway_l1_bytes'))}`],
    ...['/data', '/process'].map((path) => {
      const { requests, average } = timing(all, (route) => route.startsWith(path))
      return [path, `${requests} requests, ${average} on average`]
    }),
    ['tasks', jobs.join(', ')],
  ]
}

function gateways(all: readonly Scraped[], endpoints: readonly Endpoint[]): string[][] {
  return all
    .filter(({ role }) => role === 'gateway')
    .map((gateway) => {
      const seen = endpoints.find(({ origin }) => origin === gateway.url)
      const { requests, average } = timing([gateway], () => true)
      const share = seen && seen.requests > 0 ? percent(1 - seen.failures / seen.requests) : '-'
      return [gateway.name, requests, average, share, seen ? (seen.available ? 'in use' : 'out') : 'unknown']
    })
}

/** Routes of operators, which are asked by machines all the time. */
const OPERATORS = ['', '/health', '/ready', '/metrics']

/** Of the gateways' routes that `wanted` names. */
function timing(all: readonly Scraped[], wanted: (route: string) => boolean): { requests: string; average: string } {
  let [requests, seconds] = [0, 0]
  for (const { name, labels, value } of all.filter(({ role }) => role === 'gateway').flatMap(samplesOf)) {
    const route = labels['http_route'] ?? ''
    if (OPERATORS.includes(route) || !wanted(route)) continue
    if (name === 'http_server_request_duration_seconds_count') requests += value
    if (name === 'http_server_request_duration_seconds_sum') seconds += value
  }
  return { requests: count(requests), average: requests > 0 ? `${((seconds / requests) * 1000).toFixed(2)} ms` : '-' }
}

/** Over every service and every label that is not named. */
function sum(all: readonly Scraped[], name: string, labels: Record<string, string> = {}): number {
  const wanted = Object.entries(labels)
  return all
    .flatMap(samplesOf)
    .filter((sample) => sample.name === name && wanted.every(([label, value]) => sample.labels[label] === value))
    .reduce((total, { value }) => total + value, 0)
}

const samplesOf = ({ samples = [] }: Scraped) => samples
const count = (number: number) => number.toLocaleString('en')
const percent = (share: number) => `${(share * 100).toFixed(2)} %`
const kilobytes = (bytes: number) => `${(bytes / 1000).toLocaleString('en', { maximumFractionDigits: 1 })} kB`
