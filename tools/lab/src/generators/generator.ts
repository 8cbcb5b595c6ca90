/** A load generator's process: started, bound to a core, its CPU measured, its last words kept, and surely ended. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { DriverError } from '../plan.ts'
import type { Environment } from '../settings.ts'
import { cpuTime } from '../watching/processes.ts'
import { type Command, pin } from './pin.ts'

/** Bytes of what it says that are kept. */
const LAST_WORDS = 4096

export interface Generator {
  readonly child: ChildProcess
  readonly pinned: boolean
  /** Seconds of CPU so far. */
  cpuTime(): Promise<number | undefined>
  /** Waits for its end. */
  ended(): Promise<void>
}

export interface GeneratorOptions {
  /** What the driver calls itself, for errors. */
  readonly name: string
  readonly core: number | undefined
  /** All that it sees of the environment; `PATH` is where taskset is looked for. */
  readonly environment: Environment
  /** Milliseconds it may live. */
  readonly within: number
  readonly signal: AbortSignal
  /** Whether it speaks with us through Node's channel. */
  readonly channel?: boolean
}

/**
 * Starts the generator, hands it to `use`, and gives what that returns. It is gone when this settles, whatever happened.
 *
 * @throws {DriverError} where it fails or does not end, with its last lines; the signal's reason where that aborts
 */
export async function withGenerator<T>(
  command: Command,
  { name, core, environment, within, signal, channel }: GeneratorOptions,
  use: (generator: Generator) => Promise<T>,
): Promise<T> {
  signal.throwIfAborted()
  const { file, args, pinned } = pin(command, core, environment['PATH'])
  const child = spawn(file, args, {
    env: environment,
    stdio: ['ignore', 'pipe', 'pipe', ...(channel ? (['ipc'] as const) : [])],
  })
  const words = lastWords(child)
  const failure = (what: string, cause?: unknown) =>
    new DriverError(`${name} ${what}${words() && `:\n${words()}`}`, cause === undefined ? {} : { cause })

  let late = false
  const closed = new Promise<void>((resolve, reject) => {
    child.once('error', (error) => reject(failure(`could not be started: ${error.message}`, error)))
    child.once('close', (code, by) => {
      if (signal.aborted) reject(signal.reason)
      else if (late) reject(failure(`did not end within ${Math.round(within / 1000)} s`))
      else if (code !== 0) reject(failure(by ? `was ended by ${by}` : `ended with exit code ${code}`))
      else resolve()
    })
  })
  // Whoever uses it may look away; this is its only unhandled moment.
  closed.catch(() => {})
  const kill = () => child.kill('SIGKILL')
  const timer = setTimeout(() => {
    late = true
    kill()
  }, within)
  signal.addEventListener('abort', kill, { once: true })
  try {
    return await use({
      child,
      pinned,
      cpuTime: async () => (child.pid === undefined ? undefined : cpuTime(child.pid)),
      ended: () => closed,
    })
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', kill)
    if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) {
      const exit = once(child, 'exit')
      kill()
      await exit
    }
  }
}

function lastWords(child: ChildProcess): () => string {
  let said = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-LAST_WORDS)
    })
  }
  return () => said.trim().split('\n').slice(-10).join('\n')
}
