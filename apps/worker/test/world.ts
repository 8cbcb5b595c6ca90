/** What each test file has for itself: a database in the run's PostgreSQL, workers over it, and people with tokens. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { auth, generateKeys, parseKeys } from '@spillway/auth'
import { createDatabase, type TestDatabase } from '@spillway/postgres/testing'
import Fastify from 'fastify'
import { expect, vi } from 'vitest'
import type { Job } from '../src/jobs.ts'
import { runToEnd, type Service, startProcess } from './processes.ts'

const keyTexts = generateKeys()
const signer = Fastify()
await signer.register(auth, { keys: parseKeys(keyTexts.signing, 'test keys') })

export function bearer(subject: string): string {
  return `Bearer ${signer.signToken({ sub: subject, roles: [] })}`
}

/** A job as it comes back, or a problem. */
export type Body = Job & { code: string; detail: string; result: Record<string, unknown> }
export interface Answer {
  status: number
  headers: Headers
  body: Body
}

interface Asked {
  body?: unknown
  headers?: Record<string, string>
  /** Default: alice. */
  as?: string
  signal?: AbortSignal
}

export async function ask(
  service: Pick<Service, 'url'>,
  method: string,
  target: string,
  { body, headers = {}, as = 'alice', signal }: Asked = {},
): Promise<Answer> {
  const answer = await fetch(service.url + target, {
    method,
    headers: {
      authorization: bearer(as),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    ...(signal ? { signal } : {}),
  })
  return { status: answer.status, headers: answer.headers, body: (await answer.json()) as Body }
}

/** Sends a job and gives its place, such as `/longtask/1234`. */
export async function send(service: Pick<Service, 'url'>, body: object, asked: Asked = {}): Promise<string> {
  const answer = await ask(service, 'POST', '/longtask', { ...asked, body })
  expect(answer.status).toBe(202)
  return answer.headers.get('location') as string
}

export async function look(service: Pick<Service, 'url'>, place: string): Promise<Body> {
  return (await ask(service, 'GET', place)).body
}

/** Polls until `check` throws nothing (`expect.poll` cannot be used in tests that run together). */
export function eventually<T>(check: () => Promise<T>, withinMs = 10_000): Promise<T> {
  return vi.waitFor(check, { timeout: withinMs, interval: 50 })
}

/** The job once it looks like `expected`. */
export async function becomes(
  service: Pick<Service, 'url'>,
  place: string,
  expected: object,
  withinMs = 10_000,
): Promise<Body> {
  return eventually(async () => {
    const job = await look(service, place)
    expect(job).toMatchObject(expected)
    return job
  }, withinMs)
}

/** A counter's or gauge's value, by its whole name with labels; undefined where there is none. */
export async function metric(service: Pick<Service, 'url'>, series: string): Promise<number | undefined> {
  const text = await (await fetch(`${service.url}/metrics`)).text()
  const line = text.split('\n').find((each) => each.startsWith(`${series} `))
  return line === undefined ? undefined : Number(line.slice(series.length))
}

/** A database, and the processes started over it, which `end` ends with it. */
export class World {
  readonly url: string
  readonly #database: TestDatabase
  readonly #folder: string
  readonly #services: Service[] = []

  private constructor(database: TestDatabase, folder: string) {
    this.url = database.url
    this.#database = database
    this.#folder = folder
  }

  static async create(): Promise<World> {
    const database = await createDatabase()
    const folder = await mkdtemp(path.join(tmpdir(), 'spillway-worker-'))
    await writeFile(path.join(folder, 'keys.json'), keyTexts.verifying)
    return new World(database, folder)
  }

  sql(text: string, values?: unknown[]): Promise<Record<string, unknown>[]> {
    return this.#database.sql(text, values)
  }

  async worker(environment: Record<string, string> = {}): Promise<Service> {
    return this.#add(
      await startProcess('worker/src/main.ts', {
        DATABASE_URL: this.url,
        VERIFY_KEYS_FILE: path.join(this.#folder, 'keys.json'),
        ...environment,
      }),
    )
  }

  /** The db service over the same database, with so many sample items. */
  async db(items: number): Promise<Service> {
    const environment = { DATABASE_URL: this.url, SPILLWAY_DEMO: '1', SAMPLE_ITEMS: String(items) }
    await runToEnd('db/src/init.ts', environment)
    const { SPILLWAY_DEMO: _demo, SAMPLE_ITEMS: _items, ...rest } = environment
    const keys = path.join(this.#folder, 'keys.json')
    return this.#add(await startProcess('db/src/main.ts', { ...rest, VERIFY_KEYS_FILE: keys }))
  }

  async end(): Promise<void> {
    // What a test has ended is gone already, and what it has stopped must not be waited for.
    await Promise.all(this.#services.map((service) => service.stop('SIGKILL')))
    await this.#database.drop()
    await rm(this.#folder, { recursive: true })
  }

  #add(service: Service): Service {
    this.#services.push(service)
    return service
  }
}
