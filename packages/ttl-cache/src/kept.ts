/** What stands in the store for a route's answer: the answer itself, or that a handler is at work on it. */
import type { FastifyReply, FastifyRequest } from 'fastify'

type Field = readonly [name: string, value: unknown]

export class Kept {
  /** As it was: hooks that follow see no difference. */
  readonly #body: string | Buffer
  readonly #headers: readonly Field[]
  /** The request fields that it depends on, as they were. */
  readonly #vary: readonly Field[]
  readonly #madeAt = performance.now()

  constructor(body: string | Buffer, { headers, vary }: { headers: readonly Field[]; vary: readonly Field[] }) {
    this.#body = body
    this.#headers = headers
    this.#vary = vary
  }

  get bytes(): number {
    const fields = [...this.#headers, ...this.#vary]
    return fields.reduce(
      (sum, [name, value]) => sum + name.length + String(value).length,
      Buffer.byteLength(this.#body),
    )
  }

  isFor({ headers }: FastifyRequest): boolean {
    return this.#vary.every(([name, value]) => headers[name] === value)
  }

  /** `Age` keeps caches behind us from counting its time anew (RFC 9111, 5.1). */
  send(reply: FastifyReply): FastifyReply {
    for (const [name, value] of this.#headers) reply.header(name, value)
    const age = Math.floor((performance.now() - this.#madeAt) / 1000)
    return reply.headers({ age, 'cache-status': 'ttl-cache; hit' }).send(this.#body)
  }
}

interface FlightOptions {
  readonly key: string
  readonly ttlMs: number
  readonly tags: readonly string[]
  /** Whether all who may have the answer are one user. */
  readonly forOne: boolean
  /** What the hooks have put on the reply: each request gets its own. */
  readonly before: ReturnType<FastifyReply['getHeaders']>
}

/**
 * It stands where the answer will, under the same tags: a purge takes it away, so that who comes then has the handler run
 * anew, and what it read before is not kept.
 */
export class Flight {
  readonly options: FlightOptions
  readonly #ended = Promise.withResolvers<Kept | 'unkept' | 'lost'>()

  constructor(options: FlightOptions) {
    this.options = options
  }

  /** `lost`: nobody will tell what came of it; one of those who wait must try himself. */
  get ended(): Promise<Kept | 'unkept' | 'lost'> {
    return this.#ended.promise
  }

  end(outcome: Kept | 'unkept' | 'lost'): void {
    this.#ended.resolve(outcome)
  }

  /** Undefined where the answer is for nobody else. */
  keep(request: FastifyRequest, reply: FastifyReply, body: unknown): Kept | undefined {
    const { before, forOne } = this.options
    const headers = reply.getHeaders()
    const vary = members(headers.vary)
    const whole = typeof body === 'string' || Buffer.isBuffer(body)
    if (!whole || vary.includes('*') || !mayBeKept(reply, forOne)) return undefined
    // Whoever made a buffer may write into it yet.
    return new Kept(typeof body === 'string' ? body : Buffer.from(body), {
      headers: Object.entries(headers).filter(([name, value]) => before[name] !== value),
      vary: vary.map((name) => [name, request.headers[name]] as const),
    })
  }
}

function mayBeKept(reply: FastifyReply, forOne: boolean): boolean {
  if (reply.statusCode !== 200 || reply.hasHeader('set-cookie')) return false
  const directives = members(reply.getHeader('cache-control')).map((directive) => directive.split('=', 1)[0])
  const refused = ['no-store', 'no-cache', ...(forOne ? [] : ['private'])]
  return !directives.some((directive) => refused.includes(directive as string))
}

function members(field: unknown): string[] {
  const list = String(field ?? '')
    .toLowerCase()
    .split(',')
  return list.map((member) => member.trim()).filter(Boolean)
}
