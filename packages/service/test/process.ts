/** The sample service as a process of its own, with its log read line by line. */
import { type ChildProcess, spawn } from 'node:child_process'
import path from 'node:path'

type Line = Record<string, unknown> & { msg: string; level: string }

export class Sample {
  readonly lines: Line[] = []
  stderr = ''
  readonly #child: ChildProcess
  readonly #waiting = new Set<() => void>()
  /** The exit code, or the signal that killed it. */
  readonly ended: Promise<number | string | null>

  /** `sockets` are the file descriptors of those it is given. */
  constructor(environment: Record<string, string> = {}, sockets: readonly number[] = []) {
    this.#child = spawn(process.execPath, [path.join(import.meta.dirname, 'sample.ts')], {
      env: { PATH: process.env['PATH'], NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'], ...environment },
      stdio: ['ignore', 'pipe', 'pipe', ...sockets],
    })
    let rest = ''
    this.#child.stdout?.on('data', (chunk) => {
      const lines = `${rest}${chunk}`.split('\n')
      rest = lines.pop() ?? ''
      this.lines.push(...lines.map((line) => JSON.parse(line) as Line))
      for (const check of this.#waiting) check()
    })
    this.#child.stderr?.on('data', (chunk) => {
      this.stderr += chunk
    })
    const { promise, resolve } = Promise.withResolvers<number | string | null>()
    this.#child.on('close', (code, signal) => resolve(code ?? signal))
    this.ended = promise
  }

  /** The first log line with this message, once it is there. */
  logged(msg: string): Promise<Line> {
    const { promise, resolve, reject } = Promise.withResolvers<Line>()
    const check = () => {
      const line = this.lines.find((each) => each.msg === msg)
      if (!line) return
      this.#waiting.delete(check)
      resolve(line)
    }
    this.#waiting.add(check)
    check()
    void this.ended.then(() => reject(new Error(`ended without saying "${msg}": ${JSON.stringify(this.lines)}`)))
    return promise
  }

  /** The addresses of its servers, once it is ready. */
  async urls(): Promise<[app: string, admin: string]> {
    return (await this.logged('ready'))['urls'] as [string, string]
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }
}
