/**
 * Vitest global setup: one real PostgreSQL for a whole run, empty and thrown away afterwards. Its administrator's URL is
 * provided as `postgresUrl`; every test file creates a database of its own in it.
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import type { TestProject } from 'vitest/node'

declare module 'vitest' {
  interface ProvidedContext {
    postgresUrl: string
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  // In a process group of its own, so that Ctrl-C leaves the stopping to it: it stops PostgreSQL when this process ends,
  // however it ends.
  const server = fork(path.join(import.meta.dirname, 'postgres-server.ts'), {
    detached: true,
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  const exited = once(server, 'exit')
  const [url] = await Promise.race([
    once(server, 'message'),
    exited.then(() => Promise.reject(new Error('PostgreSQL did not start; its reasons are above'))),
  ])
  project.provide('postgresUrl', url as string)
  return async () => {
    server.disconnect()
    await exited
  }
}
