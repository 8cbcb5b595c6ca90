/** The microservice as it runs: a primary and its processes, with their one log read line by line. */
import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { parseMetrics } from '@spillway/metrics'

interface Line {
  msg: string
  level: string
  pid: number
  urls?: string[]
}

const MAIN = path.join(import.meta.dirname, '..', 'src', 'main.ts')

export class Microservice {
  readonly lines: Line[] = []
  stderr = ''
  readonly #child: ChildProcess
  readonly #heard = new Set<() => void>()
  readonly #processes: number
  /** The exit code, or the signal that killed it, once all output is there. */
  readonly ended: Promise<number | string | null>

  constructor(environment: Record<string, string> = {}) {
    this.#processes = Number(environment['PROCESSES'] ?? 2)
    // In a group of its own, which can be signalled as a terminal does.
    this.#child = spawn(process.execPath, [MAIN], {
      env: {
        PATH: process.env['PATH'],
        NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'],
        PORT: '0',
        PROCESSES: '2',
        ...environment,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    })
    let rest = ''
    this.#child.stdout?.on('data', (chunk) => {
      const lines = `${rest}${chunk}`.split('\n')
      rest = lines.pop() ?? ''
      this.lines.push(...lines.map((line) => JSON.parse(line) as Line))
      for (const check of this.#heard) check()
    })
    this.#child.stderr?.on('data', (chunk) => {
      this.stderr += chunk
    })
    const { promise, resolve } = Promise.withResolvers<number | string | null>()
    this.#child.on('close', (code, signal) => resolve(code ?? signal))
    this.ended = promise
  }

  get pid(): number {
    return this.#child.pid as number
  }

  /** Lines of this message so far. */
  said(msg: string): Line[] {
    return this.lines.filter((line) => line.msg === msg)
  }

  /** Resolves when `count` lines of this message are there. */
  logged(msg: string, count = 1): Promise<Line[]> {
    const { promise, resolve, reject } = Promise.withResolvers<Line[]>()
    const check = () => {
      if (this.said(msg).length < count) return
      this.#heard.delete(check)
      resolve(this.said(msg))
    }
    this.#heard.add(check)
    check()
    void this.ended.then(() => reject(new Error(`ended without saying "${msg}": ${JSON.stringify(this.lines)}`)))
    return promise
  }

  /** Where it listens, once all processes do and have said so, in whatever order. */
  async url(): Promise<string> {
    await this.logged('all processes listen')
    const [first] = await this.logged('ready', this.#processes)
    return first?.urls?.[0] as string
  }

  /** Of the processes that were started to work, in the order in which they listened. */
  get workers(): number[] {
    return this.said('ready').map(({ pid }) => pid)
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  /** To the primary and its processes at once, as Ctrl-C does. */
  signalGroup(signal: NodeJS.Signals): void {
    try {
      process.kill(-this.pid, signal)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
    }
  }
}

/** Whether a process lives; one that only waits for its parent to look does not. */
export function lives(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return process.platform !== 'linux' || !/^\d+ \(.*\) Z/s.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}

/** A sample of `/metrics`, as whichever process answers it. */
export async function metric(url: string, name: string): Promise<number | undefined> {
  const samples = parseMetrics(await (await fetch(`${url}/metrics`)).text())
  return samples.find((sample) => sample.name === name)?.value
}
