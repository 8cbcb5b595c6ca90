/** Every task there is, by the name that requests give. */
import { Piscina } from 'piscina'
import { primesTask } from './primes.ts'
import { reportTask } from './report.ts'
import { sleepTask } from './sleep.ts'
import type { Task } from './task.ts'

export type Tasks = ReadonlyMap<string, Task>

/** Threads without work end after this. */
const IDLE_MS = 10_000

/** `close` ends the threads, whatever they are doing. */
export function buildTasks({ itemsFrom, threads }: { itemsFrom: readonly string[]; threads: number }) {
  const pool = new Piscina({
    filename: new URL('./primes.thread.ts', import.meta.url).href,
    minThreads: 0,
    maxThreads: threads,
    idleTimeout: IDLE_MS,
  })
  const tasks: Tasks = new Map([
    ['report', reportTask(itemsFrom)],
    ['primes', primesTask(pool)],
    ['sleep', sleepTask],
  ])
  return { tasks, close: () => pool.destroy() }
}
