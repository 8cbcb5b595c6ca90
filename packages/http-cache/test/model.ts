/**
 * What RFC 9111 has a shared cache do, written down from its text: slow, and obviously right. One request after the
 * other; what the RFC leaves open is as docs/cache.md says.
 */

/** Names in lower case. */
export type Fields = Readonly<Record<string, string>>

export interface Request {
  readonly method: string
  readonly path: string
  readonly headers: Fields
}

export interface Answer {
  readonly status: number
  readonly headers: Fields
  readonly body: string
}

export interface Outcome extends Answer {
  /** Out of the store without asking, or asking afterwards; the origin’s own answer; a stored one that the origin confirmed or failed to replace. */
  readonly from: 'stored' | 'origin' | 'confirmed' | 'instead' | 'bypass' | 'method'
}

/** Asks the origin, with these fields beside the request’s own. */
export type Ask = (conditions: Fields) => Answer

interface Stored extends Answer {
  /** Seconds, at `at`. */
  readonly initialAge: number
  readonly at: number
  /** 4.1: the fields that it varies by, with their values in the request that brought it. */
  readonly vary: Fields
}

const UNDERSTOOD = [200, 203, 204, 300, 301, 302, 303, 307, 308, 404, 410, 451]
const FOUND = [200, 203, 204, 300, 301, 308]
const MISSING = [404, 405, 410, 414, 501]
const GUESSED = [...FOUND, 404, 405, 410, 414]
const FOR_REVALIDATION = 600
const DAY = 86_400
const HOUR = 3600

/** Times in seconds. */
export interface Settings {
  readonly honours?: boolean
  readonly ttl?: number
  readonly negativeTtl?: number
  readonly heuristic?: number
  readonly storesWithCookie?: boolean
}

export class Model {
  readonly #now: () => number
  readonly #settings: Settings
  readonly #stored = new Map<string, Stored[]>()
  /** What answers vary by, known for an hour from the answer that said it, which is not stored itself. */
  readonly #marks = new Map<string, { fields: string[]; at: number }>()

  /** @param now seconds */
  constructor(now: () => number, settings: Settings) {
    this.#now = now
    this.#settings = settings
  }

  handle(request: Request, ask: Ask): Outcome {
    const { method, path, headers } = request
    if (!['GET', 'HEAD', 'OPTIONS', 'TRACE'].includes(method)) {
      const answer = ask(own(headers))
      // 4.4, and whatever Cache-Tag names.
      this.#forget(path, list(answer.headers['cache-tag']))
      return { ...answer, from: 'method' }
    }
    // 4.3.2: only the origin can judge these.
    if (headers['if-match'] !== undefined || headers['if-unmodified-since'] !== undefined) {
      return { ...ask(own(headers)), from: 'bypass' }
    }
    const wishes = directives(
      this.#settings.honours ? (headers['cache-control'] ?? (headers['pragma'] === 'no-cache' ? 'no-cache' : '')) : '',
    )
    if (wishes.has('no-store')) return { ...ask(own(headers)), from: 'bypass' }
    return this.#read(request, wishes, ask)
  }

  #read(request: Request, wishes: Map<string, string>, ask: Ask): Outcome {
    const stored = this.#find(request)
    if (stored) {
      const use = this.#use(stored, wishes)
      if (use === 'no') return this.#fetch(request, stored, ask)
      const outcome = this.#deliver(request, stored, 'stored')
      // RFC 5861, 3.
      if (use === 'stale') this.#fetch(request, stored, ask)
      return outcome
    }
    return this.#fetch(request, undefined, ask)
  }

  /** 4.1. */
  #find(request: Request): Stored | undefined {
    const found = (this.#stored.get(request.path) ?? []).find((each) => this.#isFor(each, request))
    return found && this.#age(found) < keptFor(found, this.#settings) ? found : undefined
  }

  /** Varies by what answers here are known to vary by, and is what this request selects. */
  #isFor({ vary }: Stored, { path, headers }: Request): boolean {
    const known = this.#mark(path) ?? []
    const same = Object.keys(vary).join() === known.join()
    return same && known.every((name) => normal(name, headers[name]) === vary[name])
  }

  /** 4.2, 4.2.4, 5.2.1. */
  #use(stored: Stored, wishes: Map<string, string>): 'yes' | 'stale' | 'no' {
    const age = this.#age(stored)
    const seconds = (name: string, absent: number) =>
      wishes.has(name) ? deltaSeconds(wishes.get(name) as string) : absent
    const lifetime = freshFor(stored, this.#settings) as number
    const maxAge = seconds('max-age', Number.POSITIVE_INFINITY)
    if (age < lifetime) {
      const immutable = directives(stored.headers['cache-control']).has('immutable')
      if (lifetime - age < seconds('min-fresh', 0)) return 'no'
      // RFC 8246: a reload is no reason to ask.
      return immutable || (!wishes.has('no-cache') && age <= maxAge) ? 'yes' : 'no'
    }
    if (wishes.has('no-cache') || age > maxAge) return 'no'
    const asked = wishes.get('max-stale') === '' ? Number.POSITIVE_INFINITY : seconds('max-stale', 0)
    if (!forbidsStale(stored) && age < lifetime + asked) return 'yes'
    return age < usedFor(stored, 'stale-while-revalidate', this.#settings) && seconds('min-fresh', 0) === 0
      ? 'stale'
      : 'no'
  }

  /** 4.3: conditionally where something that can be validated is stored. */
  #fetch(request: Request, stored: Stored | undefined, ask: Ask): Outcome {
    const askedAt = this.#now()
    const conditions = stored && canBeValidated(stored) ? conditionsOf(stored) : {}
    let answer = ask(conditions)
    if (answer.status === 304 && stored) {
      if (confirms(answer, stored)) {
        // 3.2: nothing of the content that it does not bring.
        const content = ['content-encoding', 'content-length', 'content-type']
        const told = Object.fromEntries(Object.entries(answer.headers).filter(([name]) => !content.includes(name)))
        const { age: _age, ...known } = stored.headers
        const freshened = { ...stored, headers: { ...known, date: this.#date(), ...told } }
        const kept = this.#store(request, freshened, askedAt)
        return this.#deliver(request, kept, 'confirmed')
      }
      // 4.3.4: it is about nothing that we have.
      answer = ask({})
    }
    const fails = [500, 502, 503, 504].includes(answer.status)
    // RFC 5861, 4.
    if (fails && stored && this.#age(stored) < usedFor(stored, 'stale-if-error', this.#settings))
      return this.#deliver(request, stored, 'instead')
    const kept = this.#store(request, answer, askedAt)
    return { ...selected(request, answer, kept.headers), from: 'origin' }
  }

  /** Stores it if it may, and gives it as it would be stored. */
  #store(request: Request, answer: Answer, askedAt: number): Stored {
    const { path, headers } = request
    const at = this.#now()
    const fields = variesBy(request, answer)
    const date = answer.headers['date'] ?? this.#date()
    const initialAge = ageOnArrival(answer, at, at - askedAt)
    const stored = { ...answer, headers: { ...answer.headers, date }, initialAge, at, vary: {} }
    if (
      !mayBeStored(request, answer, this.#settings) ||
      fields.includes('*') ||
      initialAge >= keptFor(stored, this.#settings)
    ) {
      // What is stored is not what the origin says any more, unless it is out of order.
      if (answer.status < 500) this.#drop(request)
      return stored
    }
    const mark = this.#mark(path)
    if (mark && !fields.every((name) => mark.includes(name))) {
      this.#drop(request)
      this.#marks.delete(path)
    } else if (!mark && fields.length > 0) {
      this.#drop(request)
      this.#marks.set(path, { fields, at })
    } else {
      this.#drop(request)
      const vary = Object.fromEntries((mark ?? []).map((name) => [name, normal(name, headers[name])]))
      // The cookie is for whoever asked.
      const { 'set-cookie': _cookie, ...shared } = stored.headers as Fields
      this.#stored.set(path, [...(this.#stored.get(path) ?? []), { ...stored, headers: shared, vary }])
    }
    return stored
  }

  #mark(path: string): string[] | undefined {
    const mark = this.#marks.get(path)
    return mark && this.#now() - mark.at < HOUR ? mark.fields : undefined
  }

  /** Whatever a request like this one would find. */
  #drop(request: Request): void {
    const others = (this.#stored.get(request.path) ?? []).filter((each) => !this.#isFor(each, request))
    this.#stored.set(request.path, others)
  }

  #forget(path: string, tags: string[]): void {
    for (const [each, all] of this.#stored) {
      const tagged = (stored: Stored) => list(stored.headers['cache-tag']).some((tag) => tags.includes(tag))
      this.#stored.set(each, each === path ? [] : all.filter((stored) => !tagged(stored)))
    }
  }

  #deliver(request: Request, stored: Stored, from: Outcome['from']): Outcome {
    const age = String(Math.floor(this.#age(stored)))
    return { ...selected(request, stored, { ...stored.headers, age }), from }
  }

  #age({ initialAge, at }: Stored): number {
    return initialAge + this.#now() - at
  }

  #date(): string {
    return new Date(this.#now() * 1000).toUTCString()
  }
}

/** RFC 9110, 13: what a client has he is not sent; HEAD has no body. */
function selected({ method, headers }: Request, { status, body }: Answer, all: Fields): Answer {
  const wanted = headers['if-none-match']
  const modified = Date.parse(all['last-modified'] ?? all['date'] ?? '')
  const since = Date.parse(headers['if-modified-since'] ?? '')
  const opaque = (tag: string | undefined) => tag?.replace(/^W\//, '')
  const has =
    wanted === undefined
      ? modified <= since
      : wanted === '*' || list(wanted).some((tag) => opaque(tag) === opaque(all['etag']))
  if (status === 200 && has) {
    // 15.4.5: nothing of the content that is not sent.
    const told = Object.entries(all).filter(([name]) => !name.startsWith('content-'))
    return { status: 304, headers: Object.fromEntries(told), body: '' }
  }
  return { status, headers: all, body: method === 'HEAD' ? '' : body }
}

/** 4.2.3, in whole seconds where `Date` is. */
function ageOnArrival({ headers }: Answer, now: number, delay: number): number {
  const date = Date.parse(headers['date'] ?? '') / 1000
  const apparent = Number.isNaN(date) ? 0 : Math.max(0, Math.floor(now - date))
  const [told = ''] = (headers['age'] ?? '').split(',')
  return Math.max(apparent, deltaSeconds(told.trim()) + delay)
}

/** RFC 9213: the targeted field alone, where there is one. */
function policy({ headers }: Answer): Map<string, string> {
  // A structured field (RFC 9651): members may have parameters, which mean nothing here.
  return directives(headers['cdn-cache-control']?.replaceAll(/;[^,]*/g, '') ?? headers['cache-control'])
}

/** 3. */
function mayBeStored(request: Request, answer: Answer, settings: Settings): boolean {
  const said = policy(answer)
  // 5.2.2.3.
  const understands = said.has('must-understand') && UNDERSTOOD.includes(answer.status)
  if (said.has('no-store') && !understands) return false
  if (said.has('private')) return false
  if (answer.headers['set-cookie'] !== undefined && !settings.storesWithCookie) return false
  // 3.5.
  if (request.headers['authorization'] !== undefined && !isForAll(said)) return false
  const negative = settings.negativeTtl !== undefined && MISSING.includes(answer.status)
  const known = negative || UNDERSTOOD.includes(answer.status)
  return known && freshFor(answer, settings) !== undefined
}

function isForAll(said: Map<string, string>): boolean {
  return said.has('public') || said.has('s-maxage') || said.has('must-revalidate')
}

/** Vary, and what it may have forgotten. */
function variesBy({ headers }: Request, answer: Answer): string[] {
  const fields = list(answer.headers['vary']).map((name) => name.toLowerCase())
  if (headers['cookie'] !== undefined && !isForAll(policy(answer))) fields.push('cookie')
  if ((answer.headers['access-control-allow-origin'] ?? '*') !== '*') fields.push('origin')
  if (answer.headers['content-encoding'] !== undefined) fields.push('accept-encoding')
  return [...new Set(fields)].sort()
}

/** 4.2.1: seconds; undefined where nothing is said, or may be guessed. */
function freshFor(answer: Answer, settings: Settings): number | undefined {
  const { headers } = answer
  const said = policy(answer)
  if (said.has('no-cache')) return 0
  for (const name of ['s-maxage', 'max-age']) if (said.has(name)) return deltaSeconds(said.get(name) as string)
  const { expires } = headers
  // A targeted field stands for `Expires`, too; 5.3: what is no date is in the past.
  if (headers['cdn-cache-control'] !== undefined || expires === undefined) return unsaid(answer, settings)
  return expires.endsWith('GMT') ? Math.max(0, (Date.parse(expires) - dateOf(answer)) / 1000) : 0
}

/** What the route says, or 4.2.2. */
function unsaid(answer: Answer, { ttl, negativeTtl, heuristic }: Settings): number | undefined {
  const { status, headers } = answer
  if (negativeTtl && MISSING.includes(status)) return negativeTtl
  if (ttl && FOUND.includes(status)) return ttl
  const modified = headers['last-modified']
  const mayGuess = policy(answer).has('public') || GUESSED.includes(status)
  if (!heuristic || !mayGuess || modified === undefined) return undefined
  return Math.min(DAY, Math.max(0, ((dateOf(answer) - Date.parse(modified)) / 1000) * heuristic))
}

function dateOf({ headers }: Answer): number {
  return headers['date'] === undefined ? Date.now() : Date.parse(headers['date'])
}

/** 4.2.4. */
function forbidsStale(answer: Answer): boolean {
  const said = policy(answer)
  return ['must-revalidate', 'proxy-revalidate', 's-maxage', 'no-cache'].some((name) => said.has(name))
}

/** RFC 5861: seconds of age. */
function usedFor(answer: Answer, extension: string, settings: Settings): number {
  const lifetime = freshFor(answer, settings) ?? 0
  return forbidsStale(answer) ? lifetime : lifetime + deltaSeconds(policy(answer).get(extension) ?? '')
}

function keptFor(answer: Answer, settings: Settings): number {
  const extensions = ['stale-while-revalidate', 'stale-if-error']
  const used = Math.max(...extensions.map((extension) => usedFor(answer, extension, settings)))
  return canBeValidated(answer) ? used + FOR_REVALIDATION : used
}

function canBeValidated({ status, headers }: Answer): boolean {
  return status === 200 && (headers['etag'] !== undefined || headers['last-modified'] !== undefined)
}

/** A client's own conditions, for the origin. */
function own(headers: Fields): Fields {
  const kept = Object.entries(headers).filter(([name]) => name === 'if-none-match' || name === 'if-modified-since')
  return Object.fromEntries(kept)
}

/** 4.3.1. */
function conditionsOf({ headers }: Answer): Fields {
  const { etag, 'last-modified': modified } = headers
  return { ...(etag ? { 'if-none-match': etag } : {}), ...(modified ? { 'if-modified-since': modified } : {}) }
}

/** 4.3.4. */
function confirms(told: Answer, stored: Answer): boolean {
  const { etag, 'last-modified': modified } = told.headers
  if (etag === undefined) return modified !== undefined && modified === stored.headers['last-modified']
  const known = stored.headers['etag']
  return etag === known || (etag.startsWith('W/') && etag.slice(2) === known?.replace(/^W\//, ''))
}

/** 5.2: of a directive given twice, the first counts. */
function directives(value = ''): Map<string, string> {
  const found = new Map<string, string>()
  for (const each of value.split(',')) {
    const [name = '', argument = ''] = each.trim().split('=')
    if (name !== '' && !found.has(name.toLowerCase())) found.set(name.toLowerCase(), argument.replaceAll('"', ''))
  }
  return found
}

/** 1.2.2; what is none is no time at all. */
function deltaSeconds(text: string): number {
  return /^[0-9]+$/.test(text) ? Math.min(Number(text), 2 ** 31) : 0
}

function list(value = ''): string[] {
  return value
    .split(',')
    .map((each) => each.trim())
    .filter((each) => each !== '')
}

/** 4.1: white space and, of `Accept-*`, letter case do not matter; absent is not empty. */
function normal(name: string, value: string | undefined): string {
  if (value === undefined) return '\0'
  const joined = list(value).join(',')
  return name.startsWith('accept') ? joined.toLowerCase() : joined
}
