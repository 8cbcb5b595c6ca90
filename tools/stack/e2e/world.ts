/** A place for a stack, for tests about `make up` and its relatives themselves: nothing is started in it yet. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { expect } from 'vitest'
import { freeOffset, isFree, PORTS } from './ports.ts'
import { environment, root, type Service, stop } from './stack.ts'

export interface Outcome {
  code: number | null
  out: string
  err: string
}

/** A state directory and ports of its own; nothing is started yet. */
export class World {
  readonly parent: string
  readonly offset: number
  readonly #environment: NodeJS.ProcessEnv
  private constructor(parent: string, offset: number, environment: NodeJS.ProcessEnv) {
    this.parent = parent
    this.offset = offset
    this.#environment = environment
  }

  /** What is `undefined` in `changes` is not in the environment of its commands. */
  static async create(changes: NodeJS.ProcessEnv = {}): Promise<World> {
    const parent = await mkdtemp(path.join(os.tmpdir(), 'spillway-stack-'))
    return new World(parent, await freeOffset(), environment(changes))
  }

  get stateDir(): string {
    return path.join(this.parent, 'state')
  }

  /** Stops what is up, without a drain. */
  stop(): Promise<void> {
    return stop(this.stateDir)
  }

  /** Begins `make target NAME=value ...`. */
  begin(target: string, settings: Record<string, string> = {}, extra: Record<string, string> = {}): ChildProcess {
    const variables = { STATE_DIR: this.stateDir, PORT_OFFSET: String(this.offset), ...settings }
    return spawn('make', ['-s', target, ...Object.entries(variables).map(([name, value]) => `${name}=${value}`)], {
      cwd: root,
      env: { ...this.#environment, ...extra },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    })
  }

  async make(...args: Parameters<World['begin']>): Promise<Outcome> {
    return ended(this.begin(...args))
  }

  services(): Service[] {
    return JSON.parse(readFileSync(path.join(this.stateDir, 'stack.json'), 'utf8')).services
  }

  service(name: string): Service {
    const found = this.services().find((service) => service.name === name)
    if (!found) throw new Error(`stack.json knows no ${name}`)
    return found
  }

  get supervisor(): number {
    return JSON.parse(readFileSync(path.join(this.stateDir, 'supervisor.json'), 'utf8')).pid
  }

  /** The processes that carry this state directory in their environment. */
  processes(): number[] {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map(Number)
      .filter((pid) => {
        try {
          return readFileSync(`/proc/${pid}/environ`, 'utf8').includes(`SPILLWAY_STATE_DIR=${this.stateDir}\0`)
        } catch {
          return false
        }
      })
  }

  async openPorts(): Promise<number[]> {
    const ports = PORTS.map((port) => port + this.offset)
    const free = await Promise.all(ports.map(isFree))
    return ports.filter((_, index) => !free[index])
  }

  async token(role = 'reader'): Promise<string> {
    const { code, out, err } = await this.make('token', { ROLE: role })
    expect({ code, err }).toEqual({ code: 0, err: '' })
    return out.trim()
  }

  async remove(): Promise<void> {
    await this.stop()
    await rm(this.parent, { recursive: true, force: true })
  }
}

export async function ended(child: ChildProcess): Promise<Outcome> {
  let [out, err] = ['', '']
  child.stdout?.on('data', (chunk) => {
    out += chunk
  })
  child.stderr?.on('data', (chunk) => {
    err += chunk
  })
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, out, err }
}
