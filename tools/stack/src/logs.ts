/** `make logs`: what all services write, each line with its service's name, until Ctrl-C. */
import { closeSync, openSync, readdirSync, readSync, statSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { StackError, type StateDir } from './state.ts'

const LOOK_EVERY_MS = 200
/** So much of the past is shown first. */
const TAIL_BYTES = 2_000

/** Resolves when `signal` is aborted. */
export async function logs(state: StateDir, signal: AbortSignal): Promise<number> {
  if (!state.isState) throw new StackError(`there are no logs: nothing was ever up in ${state.path}.`)
  const tails = new Map<string, Tail>()
  while (!signal.aborted) {
    for (const file of readdirSync(state.logs)) {
      const tail = tails.get(file) ?? new Tail(path.join(state.logs, file))
      tails.set(file, tail)
      for (const line of tail.next()) process.stdout.write(`${path.basename(file, '.log').padEnd(10)} | ${line}\n`)
    }
    await delay(LOOK_EVERY_MS, undefined, { signal }).catch(() => {})
  }
  return 0
}

/** The lines that are added to one file. */
export class Tail {
  readonly #file: string
  #offset: number
  #rest = ''

  constructor(file: string) {
    this.#file = file
    this.#offset = Math.max(0, statSync(file).size - TAIL_BYTES)
    // The first line shown would be a part of one.
    if (this.#offset > 0) this.#read().next()
  }

  /** The whole lines written since the last call. */
  next(): string[] {
    return [...this.#read()]
  }

  *#read(): Generator<string, void> {
    const { size } = statSync(this.#file)
    // A new `make up` begins the file again.
    if (size < this.#offset) this.#offset = 0
    if (size === this.#offset) return
    const bytes = Buffer.alloc(size - this.#offset)
    const handle = openSync(this.#file, 'r')
    this.#offset += readSync(handle, bytes, 0, bytes.length, this.#offset)
    closeSync(handle)
    const lines = `${this.#rest}${bytes}`.split('\n')
    this.#rest = lines.pop() ?? ''
    yield* lines
  }
}
