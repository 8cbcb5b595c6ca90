/** The cache service as a process of its own, on a port that it chooses. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const MAIN = fileURLToPath(new URL('../../../apps/cache/src/main.ts', import.meta.url))

export class CacheService {
  readonly url: string
  readonly #child: ChildProcess

  private constructor(url: string, child: ChildProcess) {
    this.url = url
    this.#child = child
  }

  static async start(): Promise<CacheService> {
    const child = spawn(process.execPath, [MAIN], {
      env: { PORT: '0', HOST: '127.0.0.1', NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'] },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    for await (const line of createInterface({ input: child.stdout })) {
      const { msg, urls } = JSON.parse(line) as { msg: string; urls?: string[] }
      if (msg !== 'ready') continue
      child.stdout.resume()
      return new CacheService(urls?.[0] ?? '', child)
    }
    throw new Error('the cache service did not start')
  }

  /** How many entries it holds. */
  async size(): Promise<number> {
    const response = await fetch(`${this.url}/stats`)
    return ((await response.json()) as { size: number }).size
  }

  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    this.#child.kill('SIGKILL')
    await once(this.#child, 'exit')
  }
}
