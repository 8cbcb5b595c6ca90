/** `make soak-balancer`: the real balancer at half its capacity for 20 minutes, watched for memory, sockets and timers it keeps. */
import { mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { setTimeout as after } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Bench } from '../bench.ts'
import { spillway } from '../contest/contenders.ts'
import { seriesOf, sumOf } from '../measuring/metrics.ts'
import { freePorts, type Service, serve } from '../measuring/server.ts'
import { Clients } from './clients.ts'

const UPSTREAM = fileURLToPath(import.meta.resolve('./processes/upstream.ts'))
const KINDS = ['sound', 'sound', 'failing']
const DURATION_MS = 1_200_000
const LOOK_EVERY_MS = 10_000
/** Of the duration: what came before is warming up, and this many looks are one figure. */
const WARM = 0.15
const LOOKS = 6
/** The last may have this much more than the first after warming up. */
const GROWTH = 1.1
const CAPACITY_MS = 10_000
const CONNECTIONS = 48
/** An idle connection is closed well within it. */
const SETTLED_WITHIN_MS = 90_000

interface Look {
  /** Bytes, resident. */
  readonly memory: number
  readonly heap: number
  /** Open file descriptors, of which most are sockets; undici's idle ones are no active resources. */
  readonly files: number
  readonly timers: number
}

export async function soak({ config, environment, signal }: Bench): Promise<number> {
  const say = (line: string) => void process.stdout.write(`${line}\n`)
  const duration = config.DURATION ?? DURATION_MS
  const folder = await mkdtemp(path.join(os.tmpdir(), 'spillway-soak-'))
  await using stack = new AsyncDisposableStack()
  stack.defer(() => rm(folder, { recursive: true }))
  const [port = 0, adminPort = 0, ...ports] = await freePorts(2 + KINDS.length)
  const start = async (service: Service) => stack.use(await serve(service, { environment, folder, signal })).url
  const upstreams: string[] = []
  for (const [index, at] of ports.entries()) {
    const args = [UPSTREAM, String(at), KINDS[index] as string]
    upstreams.push(await start({ name: 'an upstream', command: { file: process.execPath, args }, port: at }))
  }
  const balancer = spillway('balancer', { ADMIN_PORT: String(adminPort), POLICY: 'round-robin' })
  const { settings = {}, ...command } = balancer.launch({ port, upstreams, folder })
  const clients = stack.use(new Clients(await start({ name: balancer.name, command, port, settings })))
  const look = () => lookAt(`http://127.0.0.1:${adminPort}`)

  await after(SETTLED_WITHIN_MS / 10, undefined, { signal })
  const idle = await look()
  const capacity = await fullLoad(clients, signal)
  say(`Idle: ${told(idle)}. At most ${Math.round(capacity)} requests a second; half of that from now on.`)

  const looks: Look[] = []
  const until = performance.now() + duration
  const load = halfLoad(clients, capacity / 2, until, signal)
  while (performance.now() + LOOK_EVERY_MS < until) {
    await after(LOOK_EVERY_MS, undefined, { signal })
    looks.push(await look())
    if (looks.length % LOOKS === 0)
      say(`After ${(looks.length * LOOK_EVERY_MS) / 60_000} min: ${told(middle(looks.slice(-LOOKS)))}`)
  }
  await load
  say(`Ends: ${JSON.stringify(clients.ends)}`)
  const warm = Math.floor((looks.length * WARM) / LOOKS) * LOOKS
  const [first, last] = [middle(looks.slice(warm, warm + LOOKS)), middle(looks.slice(-LOOKS))]
  const settled = await settledAt(idle, look)
  say(`Memory ${(last.memory / first.memory).toFixed(3)} times that after warming up. Idle again: ${told(settled)}.`)
  const faults = [
    ...(last.memory > GROWTH * first.memory ? [`memory grew beyond ${GROWTH} times`] : []),
    ...(settled.files > idle.files ? [`${settled.files - idle.files} sockets are left`] : []),
    ...(settled.timers > idle.timers ? [`${settled.timers - idle.timers} timers are left`] : []),
  ]
  say(faults.length > 0 ? `Leaks: ${faults.join('; ')}.` : 'Nothing leaks.')
  return faults.length > 0 ? 1 : 0
}

async function lookAt(url: string): Promise<Look> {
  const series = await seriesOf({ url })
  return {
    memory: sumOf(series, 'process_resident_memory_bytes'),
    heap: sumOf(series, 'nodejs_heap_size_used_bytes'),
    files: sumOf(series, 'process_open_fds'),
    timers: sumOf(series, 'nodejs_active_resources', { type: 'Timeout' }),
  }
}

/** The median of each figure. */
function middle(looks: readonly Look[]): Look {
  const of = (figure: keyof Look) => looks.map((each) => each[figure]).sort((a, b) => a - b)[looks.length >> 1] ?? 0
  return { memory: of('memory'), heap: of('heap'), files: of('files'), timers: of('timers') }
}

function told({ memory, heap, files, timers }: Look): string {
  const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`
  return `${megabytes(memory)} resident, ${megabytes(heap)} of heap, ${files} descriptors, ${timers} timers`
}

/** Requests a second when `CONNECTIONS` clients never pause. */
async function fullLoad(clients: Clients, signal: AbortSignal): Promise<number> {
  let asked = 0
  const until = performance.now() + CAPACITY_MS
  const one = async () => {
    for (; performance.now() < until && !signal.aborted; asked++) await clients.ask()
  }
  await Promise.all(Array.from({ length: CONNECTIONS }, one))
  return (asked * 1000) / CAPACITY_MS
}

/** So many requests a second, however long each takes; as many as there are clients at once. */
async function halfLoad(clients: Clients, rate: number, until: number, signal: AbortSignal): Promise<void> {
  const pause = (CONNECTIONS * 1000) / rate
  const one = async () => {
    for (let due = performance.now() + Math.random() * pause; due < until && !signal.aborted; ) {
      await after(Math.max(0, due - performance.now()))
      await clients.ask()
      due = Math.max(due + pause, performance.now() - pause)
    }
  }
  await Promise.all(Array.from({ length: CONNECTIONS }, one))
}

/** The look at which all is as it was, or the last one. */
async function settledAt(idle: Look, look: () => Promise<Look>): Promise<Look> {
  for (const until = performance.now() + SETTLED_WITHIN_MS; ; await after(1_000)) {
    const now = await look()
    if ((now.files <= idle.files && now.timers <= idle.timers) || performance.now() > until) return now
  }
}
