/** What an active check asks an endpoint for, and which answers are good: read once, with every mistake told. */
import { validateHeaderName, validateHeaderValue } from 'node:http'

/** Where not said otherwise: `GET /ready`, at the endpoint's own port, answered with 200 to 299. */
export interface CheckSpec {
  /** Default: `/ready`. */
  readonly path?: string
  /** Good answers: statuses, or ranges such as `200-299`, which is the default. */
  readonly status?: readonly (number | string)[]
  /** Sent with it; `host` for endpoints that serve several. */
  readonly headers?: Readonly<Record<string, string>>
  /** A text, or an expression, that the first 64 kB of a good answer's body have. Default: any body is good. */
  readonly body?: string | RegExp
  /** Where it is asked instead of at the endpoint's own port, by the same scheme. */
  readonly port?: number
}

/** Of a body, in bytes. */
export const LONGEST_LOOK = 65_536

/** A spec as checks use it. */
export interface Wanted {
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly port: number | undefined
  /** Why an answer is not good, or undefined. `body` is its first 64 kB. */
  complaint(status: number, body: string): string | undefined
}

/** They are about the connection, which is the check's own and for one request. */
const OF_THE_CONNECTION =
  /^(connection|keep-alive|content-length|transfer-encoding|te|trailer|upgrade|expect|proxy-.*)$/i
/** Characters of a body's text that a reason repeats. */
const REPEATED = 60

/** @throws {TypeError} that names the field, what it is, and what it must be */
export function wanted({ path = '/ready', status = ['200-299'], headers = {}, body, port }: CheckSpec): Wanted {
  if (!/^\/[!-~]*$/.test(path) || path.includes('#')) {
    wrong('path', path, 'begin with / and have no space, no # and only ASCII; write others as %20, %C3%A9')
  }
  if (port !== undefined && !(Number.isInteger(port) && port >= 1 && port <= 65_535)) {
    wrong('port', port, 'be a whole number from 1 to 65535')
  }
  const ranges = status.map(rangeOf)
  if (ranges.length === 0) wrong('status', status, 'have a status or more; leave it out for 200-299')
  for (const [name, value] of Object.entries(headers)) proveHeader(name, value)
  const found = body === undefined ? undefined : finder(body)
  const text = status.join(', ')
  return {
    path,
    headers,
    port,
    complaint(given, start) {
      if (!ranges.some(([first, last]) => given >= first && given <= last)) {
        return `check answered ${given}; ${text} wanted`
      }
      return found && !found.test(start) ? `check's body has no ${found.told}` : undefined
    },
  }
}

function rangeOf(status: number | string): readonly [first: number, last: number] {
  const [, one, other = one] = /^(\d{3})(?:-(\d{3}))?$/.exec(String(status)) ?? []
  const [first, last] = [Number(one), Number(other)]
  if (first >= 200 && first <= last && last <= 599) return [first, last]
  return wrong('status', status, 'be from 200 to 599, or a range of these such as 200-299')
}

function finder(body: string | RegExp): { test(text: string): boolean; told: string } {
  if (body instanceof RegExp) {
    // Without `g` and `y`, with which an expression goes on where it stopped in the body before.
    const expression = new RegExp(body.source, body.flags.replaceAll(/[gy]/g, ''))
    return { test: (text) => expression.test(text), told: String(body).slice(0, REPEATED) }
  }
  const bytes = Buffer.byteLength(body)
  if (bytes === 0 || bytes > LONGEST_LOOK) {
    wrong('body', `a text of ${bytes} bytes`, `be of 1 to ${LONGEST_LOOK} bytes; leave it out for any body`)
  }
  return { test: (text) => text.includes(body), told: JSON.stringify(body.slice(0, REPEATED)) }
}

function proveHeader(name: string, value: string): void {
  try {
    validateHeaderName(name)
    validateHeaderValue(name, value)
  } catch (error) {
    throw new TypeError(`check.headers has ${JSON.stringify(name)}: ${(error as Error).message}`, { cause: error })
  }
  if (OF_THE_CONNECTION.test(name)) {
    throw new TypeError(`check.headers has ${name}, which is the connection's; leave it out`)
  }
}

function wrong(field: string, value: unknown, must: string): never {
  throw new TypeError(`check.${field} is ${typeof value === 'string' ? value : JSON.stringify(value)}; it must ${must}`)
}
