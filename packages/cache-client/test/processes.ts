/** The cache service and gateways as real processes, for tests that stop and kill them. */
import { type ChildProcess, fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { createInterface } from 'node:readline'
import type { Command } from './gateway.ts'

const SERVICE = path.join(import.meta.dirname, '../../../apps/cache/src/main.ts')
const GATEWAY = path.join(import.meta.dirname, 'gateway.ts')

/** What a gateway says of a command. */
interface Told {
  id: number
  result?: string
  error?: string
  filling?: boolean
}

export class Processes {
  readonly #children: ChildProcess[] = []

  /** Resolves when it is ready. */
  async service(port = 0) {
    const child = spawn(process.execPath, [SERVICE], {
      env: { PATH: process.env['PATH'], NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'], PORT: String(port) },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    this.#children.push(child)
    for await (const line of createInterface({ input: child.stdout as NodeJS.ReadableStream })) {
      const { msg, urls } = JSON.parse(line) as { msg: string; urls?: [string] }
      if (msg !== 'ready' || !urls) continue
      child.stdout?.resume()
      return { child, url: urls[0], port: Number(new URL(urls[0]).port) }
    }
    throw new Error('the cache service did not start')
  }

  /** Resolves when its session is live. */
  async gateway(url: string) {
    const child = fork(GATEWAY, [url])
    this.#children.push(child)
    const asked = new Map<number, PromiseWithResolvers<string>>()
    const filling = new Map<number, () => void>()
    let last = 0
    const live = Promise.withResolvers<string>()
    asked.set(0, live)
    child.on('message', (message) => {
      const { id, result = 'done', error, filling: fills } = message as Told
      if (fills) filling.get(id)?.()
      else if (error) asked.get(id)?.reject(new Error(error))
      else asked.get(id)?.resolve(result)
    })
    const tell = (command: Omit<Command, 'id'>) => {
      const answer = Promise.withResolvers<string>()
      const id = ++last
      asked.set(id, answer)
      const started = new Promise<void>((resolve) => filling.set(id, resolve))
      child.send({ ...command, id })
      return { result: answer.promise, started }
    }
    await live.promise
    return {
      child,
      read: (value: string, hold = false) => tell({ do: 'read', value, hold } as Omit<Command, 'id'>),
      peek: () => tell({ do: 'peek' }).result,
      purge: () => tell({ do: 'purge' }).result,
    }
  }

  async kill(child: ChildProcess): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    await exited
  }

  async close(): Promise<void> {
    for (const child of this.#children) await this.kill(child)
  }
}
