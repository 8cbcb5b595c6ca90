/** What each test file has for itself: a database of its own in the run's PostgreSQL, and services over it. */
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import { auth, generateKeys, parseKeys } from '@spillway/auth'
import { createDatabase } from '@spillway/postgres/testing'
import { createContext } from '@spillway/service'
import Fastify from 'fastify'
import { buildApp } from '../src/app.ts'
import type { Item, Page } from '../src/items.ts'

const MIGRATIONS = path.join(import.meta.dirname, '..', 'migrations')
export const keyTexts = generateKeys()
const keys = parseKeys(keyTexts.signing, 'test keys')

const signer = Fastify()
await signer.register(auth, { keys })

/** An `Authorization` for somebody with `roles`. */
export function bearer(...roles: string[]): string {
  return bearerOf('somebody', roles)
}

export function bearerOf(subject: string, roles: string[] = []): string {
  return `Bearer ${signer.signToken({ sub: subject, roles })}`
}

/** With the service's tables. */
export const migratedDatabase = () => createDatabase(MIGRATIONS)

/** An answer with whatever JSON this service answers with. */
export interface Answer extends Response {
  json(): Promise<Item & Page & Body>
}

interface Body {
  code: string
  detail: string
  status: string | number
  username: string
  roles: string[]
}

/** The service on a port of its own, in this process. */
export async function startService(databaseUrl: string, settings: { CACHE_TTL?: number; DB_LATENCY?: number } = {}) {
  const context = createContext('db', { LOG_LEVEL: 'silent' })
  const caching = { CACHE_TTL: 30_000, CACHE_STALE_WHILE_REVALIDATE: 10_000, CACHE_STALE_IF_ERROR: 60_000 }
  const app = await buildApp({ DATABASE_URL: databaseUrl, ...caching, DB_LATENCY: 0, ...settings }, context, keys)
  await app.listen({ port: 0, host: '127.0.0.1' })
  context.lifecycle.ready()
  const url = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`
  return {
    url,
    /** Drains first, as a stop does, so that no answer leaves a connection open behind it. */
    async close() {
      context.lifecycle.drain()
      await app.close()
    },
    /** A counter's or gauge's value, by its whole name with labels. */
    async metric(series: string): Promise<number> {
      const text = await (await fetch(`${url}/metrics`)).text()
      const line = text.split('\n').find((each) => each.startsWith(`${series} `))
      return line === undefined ? 0 : Number(line.slice(series.length))
    },
    request(
      method: string,
      target: string,
      { body, headers = {}, signal }: { body?: unknown; headers?: Record<string, string>; signal?: AbortSignal } = {},
    ): Promise<Answer> {
      return fetch(url + target, {
        method,
        headers: {
          ...(method === 'GET' || method === 'HEAD' ? {} : { authorization: bearer('editor') }),
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
        ...(signal ? { signal } : {}),
      }) as Promise<Answer>
    },
  }
}
export type TestService = Awaited<ReturnType<typeof startService>>
