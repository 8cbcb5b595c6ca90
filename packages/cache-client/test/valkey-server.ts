/** A Valkey or Redis of a test's own: a port, a folder that is removed, nothing on disk. */
import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'

/** What is installed, with the program that asks it. */
export const installed = [
  ['valkey-server', 'valkey-cli'],
  ['redis-server', 'redis-cli'],
].find((pair) => pair.every((program) => spawnSync(program, ['--version']).status === 0)) as
  | [string, string]
  | undefined

export class ValkeyServer {
  readonly port: number
  readonly #dir: string
  readonly #options: readonly string[]
  #child: ChildProcess | undefined

  private constructor(port: number, dir: string, options: readonly string[]) {
    this.port = port
    this.#dir = dir
    this.#options = options
  }

  /** Resolves when it answers. `options`: as on its command line. */
  static async start(...options: string[]): Promise<ValkeyServer> {
    const listener = createServer().listen(0, '127.0.0.1')
    await once(listener, 'listening')
    const { port } = listener.address() as AddressInfo
    listener.close()
    await once(listener, 'close')
    const server = new ValkeyServer(port, await mkdtemp(path.join(tmpdir(), 'spillway-valkey-')), options)
    await server.run()
    return server
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`
  }

  get pid(): number {
    return this.#child?.pid as number
  }

  /** Runs it (again), empty. */
  async run(): Promise<void> {
    const own = [
      '--port',
      String(this.port),
      '--bind',
      '127.0.0.1',
      '--dir',
      this.#dir,
      '--save',
      '',
      '--appendonly',
      'no',
    ]
    const [program] = installed as [string, string]
    this.#child = spawn(program, [...own, '--enable-debug-command', 'local', ...this.#options], { stdio: 'ignore' })
    while ((await this.ask('PING').catch(() => '')) !== 'PONG') await delay(20)
  }

  /** One command; what it answers as `redis-cli` shows it. */
  async ask(...command: string[]): Promise<string> {
    const [, program] = installed as [string, string]
    const { stdout } = await promisify(execFile)(program, ['-p', String(this.port), ...command])
    return stdout.trim()
  }

  async kill(): Promise<void> {
    const child = this.#child
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    await exited
  }

  async close(): Promise<void> {
    await this.kill()
    await rm(this.#dir, { recursive: true, force: true })
  }
}
