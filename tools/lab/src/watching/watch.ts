/** Watches a running stack during a load: what its services counted from beginning to end, and what they used each second. */
import { setInterval as every } from 'node:timers/promises'
import { parseMetrics, type Sample } from '@spillway/metrics'
import { request } from 'undici'
import type { GatewayUse, ProcessUse, Second, Served } from '../run.ts'
import { busyBetween, coreTimes, type Use, usesOf } from './processes.ts'

/** A line of `stack.json`. */
export interface WatchedService {
  /** Such as `gateway-1`. */
  name: string
  role: string
  url: string
  /** Where operators ask, when it is not `url`. */
  adminUrl?: string
  pid: number
}

type WatchedSecond = Pick<Second, 'second' | 'busy' | 'processes'>

export interface Watch {
  /** Those that are over, from 1. */
  readonly seconds: readonly WatchedSecond[]
  /** Ends it and tells what was served meanwhile. @throws {Error} where a service does not show its metrics */
  end(): Promise<Served>
  /** Ends it without asking anybody; harmless after `end`. */
  abandon(): Promise<void>
}

const SECOND_MS = 1_000
const ANSWER_WITHIN_MS = 5_000

/** Begins now. @throws {Error} where a service does not show its metrics */
export async function watch(services: readonly WatchedService[]): Promise<Watch> {
  const before = await scrape(services)
  const began = await take(services)
  const totals = began.uses.map((use) => ({ ...use, seconds: 0 }))
  const seconds: WatchedSecond[] = []
  let last = began
  const next = async () => {
    const now = await take(services)
    for (const [index, total] of totals.entries()) add(total, last.uses[index], now.uses[index])
    const second = between(services, last, now)
    last = now
    return second
  }
  const ending = new AbortController()
  const sampling = eachSecond(async () => {
    seconds.push({ second: seconds.length + 1, ...(await next()) })
  }, ending.signal)
  // Its failure is `end`'s to tell.
  sampling.catch(() => {})
  const abandon = async () => {
    ending.abort()
    await sampling
  }

  return {
    seconds,
    abandon,
    async end() {
      await abandon()
      await next()
      const elapsed = (last.at - began.at) / 1000
      const [after, readyGateways] = await Promise.all([scrape(services), countReadyGateways(services)])
      return {
        readyGateways,
        ...counted(services, before, after, elapsed),
        processes: services.map(({ name, role }, index): ProcessUse => {
          const { count, memory, seconds: spent } = totals[index] as Use
          return { name, role, count, cores: spent / elapsed, memory }
        }),
        busy: busyBetween(began.cores, last.cores),
      }
    },
  }
}

async function eachSecond(act: () => Promise<void>, signal: AbortSignal): Promise<void> {
  try {
    for await (const _ of every(SECOND_MS, undefined, { signal })) await act()
  } catch (error) {
    if (!signal.aborted) throw error
  }
}

/** What processes and machine had used at one moment. */
interface Moment {
  /** Milliseconds, monotonic. */
  at: number
  cores: ReturnType<typeof coreTimes>
  /** In the order of the services. */
  uses: Use[]
}

async function take(services: readonly WatchedService[]): Promise<Moment> {
  const uses = await usesOf(services.map(({ pid }) => pid))
  return { at: performance.now(), cores: coreTimes(), uses }
}

function between(services: readonly WatchedService[], from: Moment, to: Moment): Omit<WatchedSecond, 'second'> {
  const elapsed = (to.at - from.at) / 1000
  const processes = services.map(({ name }, index) => {
    const { memory = 0 } = to.uses[index] ?? {}
    return [name, { cores: spent(from.uses[index], to.uses[index]) / elapsed, memory }] as const
  })
  return { busy: busyBetween(from.cores, to.cores), processes: Object.fromEntries(processes) }
}

/** Time adds up; of the rest the highest counts. Of one that is gone nothing more is known. */
function add(total: Use, before: Use | undefined, now: Use | undefined): void {
  total.seconds += spent(before, now)
  total.count = Math.max(total.count, now?.count ?? 0)
  total.memory = Math.max(total.memory, now?.memory ?? 0)
}

function spent(before: Use | undefined, now: Use | undefined): number {
  return Math.max(0, (now?.seconds ?? 0) - (before?.seconds ?? 0))
}

/** By the service's name. */
type Scrape = ReadonlyMap<string, readonly Sample[]>

/** All metrics of all services that speak HTTP; PostgreSQL does not. */
async function scrape(services: readonly WatchedService[]): Promise<Scrape> {
  const speaking = services.filter(isHttp)
  return new Map(
    await Promise.all(
      speaking.map(async ({ name, url, adminUrl = url }) => {
        const { status, text } = await get(`${adminUrl}/metrics`)
        if (status !== 200) throw new Error(`${name} answers ${status} to ${adminUrl}/metrics`)
        return [name, parseMetrics(text)] as const
      }),
    ),
  )
}

const isHttp = ({ url }: WatchedService) => /^https?:/.test(url)

async function get(url: string): Promise<{ status: number; text: string }> {
  const signal = AbortSignal.timeout(ANSWER_WITHIN_MS)
  try {
    const { statusCode, body } = await request(url, { signal, headers: { connection: 'close' } })
    return { status: statusCode, text: await body.text() }
  } catch (cause) {
    throw new Error(`${url} cannot be read: ${(cause as Error).message}`, { cause })
  }
}

/** Those that call themselves ready and that the balancer, where there is one, would choose. */
async function countReadyGateways(services: readonly WatchedService[]): Promise<number> {
  const balancer = services.find(({ role }) => role === 'balancer')
  const chosen = balancer && (await chosenBy(balancer))
  const gateways = services.filter(({ role, url }) => role === 'gateway' && (chosen?.has(new URL(url).origin) ?? true))
  const statuses = await Promise.all(
    gateways.map(({ url }) =>
      get(`${url}/ready`).then(
        ({ status }) => status,
        () => 0,
      ),
    ),
  )
  return statuses.filter((status) => status === 200).length
}

/** The origins that the balancer calls available. */
async function chosenBy({ url, adminUrl = url }: WatchedService): Promise<Set<string>> {
  const { text } = await get(`${adminUrl}/upstreams`)
  const { endpoints } = JSON.parse(text) as { endpoints: { origin: string; available: boolean }[] }
  return new Set(endpoints.filter(({ available }) => available).map(({ origin }) => new URL(origin).origin))
}

/** What operators ask, and balancers to know who lives. */
const OPERATORS = ['/ready', '/health', '/metrics']
const DURATION = 'http_server_request_duration_seconds'
const isApi = ({ http_route: route = '' }: Sample['labels']) => !OPERATORS.includes(route)

function counted(services: readonly WatchedService[], before: Scrape, after: Scrape, seconds: number) {
  const of = ({ name }: WatchedService, metric: string, which: (labels: Sample['labels']) => boolean = () => true) =>
    increase(before.get(name) ?? [], after.get(name) ?? [], metric, which)
  const over = (role: string, metric: string, which?: (labels: Sample['labels']) => boolean) =>
    services.filter((service) => service.role === role).reduce((sum, service) => sum + of(service, metric, which), 0)

  const gateways = services.filter(({ role }) => role === 'gateway')
  const roles = [...new Set(services.filter(isHttp).map(({ role }) => role))]
  return {
    databaseReads: over('db', 'spillway_db_reads_total', ({ kind }) => kind === 'item'),
    computations: over('microservice', 'spillway_microservice_computations_total'),
    gateways: gateways.map((gateway): GatewayUse => {
      const requests = of(gateway, `${DURATION}_count`, isApi)
      const spent = of(gateway, `${DURATION}_sum`, isApi)
      const inLine = of(gateway, 'spillway_gateway_queue_duration_seconds_sum')
      return {
        name: gateway.name,
        requests,
        average: mean(spent, requests),
        concurrency: gauge(after.get(gateway.name) ?? [], 'spillway_gateway_concurrency_limit'),
        running: Math.max(0, spent - inLine) / seconds,
        waiting: inLine / seconds,
      }
    }),
    hops: roles.map((role) => {
      const requests = over(role, `${DURATION}_count`, isApi)
      return { role, requests, average: mean(over(role, `${DURATION}_sum`, isApi), requests) }
    }),
  }
}

/** Milliseconds. */
const mean = (seconds: number, count: number) => (count > 0 ? (seconds / count) * 1000 : 0)

const gauge = (samples: readonly Sample[], metric: string) => samples.find(({ name }) => name === metric)?.value ?? 0

/** Summed over series. One that fell began anew at 0, with its process (as Prometheus' `increase` has it). */
function increase(
  before: readonly Sample[],
  after: readonly Sample[],
  metric: string,
  which: (labels: Sample['labels']) => boolean,
): number {
  const chosen = (samples: readonly Sample[]) => samples.filter(({ name, labels }) => name === metric && which(labels))
  const was = new Map(chosen(before).map(({ labels, value }) => [seriesKey(labels), value]))
  return chosen(after).reduce((sum, { labels, value }) => {
    const earlier = was.get(seriesKey(labels)) ?? 0
    return sum + (value >= earlier ? value - earlier : value)
  }, 0)
}

const seriesKey = (labels: Sample['labels']) => JSON.stringify(Object.entries(labels).sort())
