/** A server of the API's shape, honest until it is told to lie: what a driver says is held against what was done here. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export const TOKEN = 'a-token-that-nobody-may-see'
export const PRIMES = { n: 10_000, primes: 1_229 }

/** Each names what is done to some of the requests; the others are answered as they should be. */
export interface Lies {
  /** Every n-th answer is a 500. */
  failEvery?: number
  /** Every n-th answer asks to hang up, and hangs up: no lie. */
  closeEvery?: number
  /** Of this key, the value is another's. */
  wrongKey?: string
  /** Of this key, the connection is reset before the answer. */
  resetKey?: string
  /** Of this key, it is reset in the middle of the answer. */
  breakKey?: string
  /** What every `Cache-Status` says. */
  cacheStatus?: string
  /** Milliseconds that each answer takes. */
  slow?: number
  /** Every n-th sign-in is refused. */
  limitEvery?: number
}

export interface FrontDoor extends AsyncDisposable {
  readonly url: string
  readonly lies: Lies
  /** Paths of what was asked, in order, sign-ins apart. */
  readonly asked: string[]
  /** Who signed in. */
  readonly signedIn: string[]
  /** How often each lie was told, and how many requests had no right token. */
  readonly told: { failures: number; wrong: number; resets: number; breaks: number; limited: number; strangers: number }
  readonly connections: () => Promise<number>
}

export async function openFrontDoor(lies: Lies = {}): Promise<FrontDoor> {
  const asked: string[] = []
  const signedIn: string[] = []
  const told = { failures: 0, wrong: 0, resets: 0, breaks: 0, limited: 0, strangers: 0 }
  const seen = new Set<string>()

  function answerRead(request: IncomingMessage, response: ServerResponse): void {
    const { url = '' } = request
    asked.push(url)
    if (request.headers.authorization !== `Bearer ${TOKEN}`) told.strangers++
    const { pathname, searchParams } = new URL(url, 'http://front.door')
    const key = searchParams.get('key') ?? pathname.slice('/data/'.length)
    const known = seen.has(url)
    seen.add(url)
    response.setHeader('x-served-by', 'gateway-1, db-1')
    response.setHeader(
      'cache-status',
      lies.cacheStatus ?? `origin; hit, gateway-1; ${known ? 'hit; ttl=30; detail=l1' : 'fwd=uri-miss; stored'}`,
    )
    if (key === lies.resetKey) {
      told.resets++
      request.socket.resetAndDestroy()
      return
    }
    if (every(lies.failEvery)) {
      told.failures++
      response.statusCode = 500
    }
    if (every(lies.closeEvery)) response.setHeader('connection', 'close')
    send(request, response, key, JSON.stringify(pathname === '/process' ? processed(key, searchParams) : item(key)))
  }

  function send({ socket }: IncomingMessage, response: ServerResponse, key: string, body: string): void {
    response.setHeader('content-length', body.length)
    if (key === lies.breakKey) {
      told.breaks++
      response.write(body.slice(0, 9), () => socket.resetAndDestroy())
    } else response.end(body)
  }

  const every = (nth: number | undefined) => nth !== undefined && asked.length % nth === 0

  function item(key: string) {
    const wrong = key === lies.wrongKey
    if (wrong) told.wrong++
    const value = { name: wrong ? 'somebody-else' : key, position: positionOf(key) }
    return { key, value, version: 1, updatedAt: new Date().toISOString() }
  }

  async function signIn(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { username } = JSON.parse(await text(request)) as { username: string }
    signedIn.push(username)
    if (lies.limitEvery && signedIn.length % lies.limitEvery === 0) {
      told.limited++
      response.statusCode = 429
      response.setHeader('retry-after', '1')
    }
    response.end(JSON.stringify({ token: TOKEN, tokenType: 'Bearer', expiresIn: 3600 }))
  }

  const server = createServer({ keepAliveTimeout: 75_000 }, (request, response) => {
    response.setHeader('content-type', 'application/json')
    if (request.url === '/login') void signIn(request, response)
    else if (lies.slow) setTimeout(answerRead, lies.slow, request, response)
    else answerRead(request, response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    lies,
    asked,
    signedIn,
    told,
    connections: () => new Promise((resolve) => server.getConnections((_error, count) => resolve(count))),
    async [Symbol.asyncDispose]() {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}

function processed(key: string, search: URLSearchParams) {
  return { key, n: Number(search.get('n')), primes: PRIMES.primes, durationMs: Math.random() }
}

const SAMPLES = ['alpha', 'beta', 'gamma', 'delta', 'epsilon', 'zeta', 'eta', 'theta', 'iota', 'kappa', 'lambda', 'mu']
const MORE_SAMPLES = ['nu', 'xi', 'omicron', 'pi', 'rho', 'sigma', 'tau', 'upsilon', 'phi', 'chi', 'psi', 'omega']
const GREEK = [...SAMPLES, ...MORE_SAMPLES]

/** `key-7` is at 7; of the samples, `alpha` at 1 and `alpha-2` at 25. */
function positionOf(key: string): number {
  const [name = '', number] = key.split('-')
  const letter = GREEK.indexOf(name)
  return letter < 0 ? Number(number) : GREEK.length * (Number(number ?? 1) - 1) + letter + 1
}

async function text(request: IncomingMessage): Promise<string> {
  let body = ''
  for await (const chunk of request) body += chunk
  return body
}
