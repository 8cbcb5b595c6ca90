/** The cache service and three gateways as real processes, each gateway behind a relay, and the origin that they share. */
import { type ChildProcess, fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import type { Command, Told } from './gateway.ts'
import { Relay } from './relay.ts'

const SERVICE = path.join(import.meta.dirname, '../../src/main.ts')
const GATEWAY = path.join(import.meta.dirname, 'gateway.ts')

export interface ClusterOptions {
  /** Room for L2, such as `300kB`. Default: the service's own. */
  cacheRoom?: string
  /** How long the origin takes. Default: 5 ms. */
  originMs?: number
}

export class Cluster {
  readonly gateways: Gateway[] = []
  readonly #options: ClusterOptions
  readonly #origin: http.Server
  readonly #versions = new Map<string, number>()
  /** Origin requests of reads. */
  fills = 0
  #service: ChildProcess | undefined
  #port = 0

  private constructor(options: ClusterOptions) {
    this.#options = options
    this.#origin = http.createServer((request, response) => void this.#serve(request, response))
  }

  /** Resolves when every gateway has a session. */
  static async start(options: ClusterOptions = {}): Promise<Cluster> {
    const cluster = new Cluster(options)
    cluster.#origin.listen(0, '127.0.0.1')
    await once(cluster.#origin, 'listening')
    await cluster.#boot()
    for (let n = 0; n < 3; n++) cluster.gateways.push(await Gateway.start(cluster.#port, cluster.#originUrl))
    await cluster.well()
    return cluster
  }

  get serviceUrl(): string {
    return `http://127.0.0.1:${this.#port}`
  }

  async killService(): Promise<void> {
    await kill(this.#service)
    for (const { relay } of this.gateways) relay.refuse()
  }

  /** Another epoch, empty, at the same address. */
  async restartService(): Promise<void> {
    await this.#boot()
    for (const { relay } of this.gateways) await relay.listen()
  }

  /** SIGSTOP and SIGCONT. */
  signalService(signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.#service?.kill(signal)
  }

  /** Until every gateway has a session. */
  async well(): Promise<void> {
    for (const gateway of this.gateways) {
      while ((await gateway.tell('state').catch(() => undefined))?.how !== 'live') await delay(20)
    }
  }

  async close(): Promise<void> {
    for (const gateway of this.gateways) await gateway.kill()
    for (const { relay } of this.gateways) relay.refuse()
    await kill(this.#service)
    this.#origin.closeAllConnections()
    this.#origin.close()
  }

  get #originUrl(): string {
    return `http://127.0.0.1:${(this.#origin.address() as AddressInfo).port}`
  }

  async #boot(): Promise<void> {
    const { cacheRoom } = this.#options
    const room = cacheRoom ? { CACHE_MAX_BYTES: cacheRoom } : {}
    const env = {
      PATH: process.env['PATH'],
      NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'],
      PORT: String(this.#port),
      ...room,
    }
    const child = spawn(process.execPath, [SERVICE], { env, stdio: ['ignore', 'pipe', 'inherit'] })
    this.#service = child
    for await (const line of createInterface({ input: child.stdout })) {
      const { msg, urls } = JSON.parse(line) as { msg: string; urls?: [string] }
      if (msg !== 'ready' || !urls) continue
      child.stdout.resume()
      this.#port = Number(new URL(urls[0]).port)
      return
    }
    throw new Error('the cache service did not start')
  }

  /** A write takes the next version in the middle of its time, a read what is there in the middle of its own. */
  async #serve({ method, url = '' }: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const half = (this.#options.originMs ?? 5) / 2
    await delay(half)
    if (method === 'POST') this.#versions.set(url, (this.#versions.get(url) ?? 0) + 1)
    else this.fills++
    const version = String(this.#versions.get(url) ?? 0)
    await delay(half)
    response.end(version)
  }
}

export class Gateway {
  readonly relay: Relay
  readonly #launch: () => ChildProcess
  readonly #asked = new Map<number, PromiseWithResolvers<{ version: number; how: string }>>()
  #child: ChildProcess
  #last = 0

  private constructor(relay: Relay, launch: () => ChildProcess) {
    this.relay = relay
    this.#launch = launch
    this.#child = this.#begin()
  }

  static async start(port: number, origin: string): Promise<Gateway> {
    const relay = new Relay(port)
    const url = await relay.listen()
    return new Gateway(relay, () => fork(GATEWAY, [url, origin]))
  }

  /** @throws what the gateway says, or that it was killed */
  tell(what: Command['do'], key = ''): Promise<{ version: number; how: string }> {
    const id = ++this.#last
    const answer = Promise.withResolvers<{ version: number; how: string }>()
    this.#asked.set(id, answer)
    this.#child.send({ id, do: what, key } satisfies Command, (error) => error && answer.reject(error))
    return answer.promise
  }

  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.#child.kill(signal)
  }

  async kill(): Promise<void> {
    await kill(this.#child)
    this.relay.cut('all')
    for (const { reject } of this.#asked.values()) reject(new Error('the gateway was killed'))
    this.#asked.clear()
  }

  restart(): void {
    this.#child = this.#begin()
  }

  #begin(): ChildProcess {
    const child = this.#launch()
    child.on('message', (told: Told) => {
      const asked = this.#asked.get(told.id)
      this.#asked.delete(told.id)
      if ('error' in told) asked?.reject(new Error(told.error))
      else asked?.resolve(told)
    })
    return child
  }
}

async function kill(child: ChildProcess | undefined): Promise<void> {
  if (!child || child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill('SIGKILL')
  await exited
}
