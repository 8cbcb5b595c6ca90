/** The kinds of setting an app can have: each reads one environment variable's text and says, when wrong, what it wants. */
import { isIP } from 'node:net'
import { type TCodec, type TString, type TUnsafe, Type } from 'typebox'

interface Described<T> {
  /** What the setting is for, one line. */
  about: string
  /** As it would be written in the environment. Without one the setting is required, unless it is `optional`. */
  default?: T
}

/** What a wrong value is told it should have been; read by `readConfig`. */
const wants = (text: string, { about, ...rest }: Described<string>) => ({ description: about, wants: text, ...rest })

const UNITS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const
const SIZES = { B: 1, kB: 1e3, MB: 1e6, GB: 1e9, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 } as const

function scaled(units: Record<string, number>, text: string): number {
  const [, amount = '', unit = ''] = /^([\d.]+)([a-zA-Z]+)$/.exec(text) ?? []
  return Number(amount) * (units[unit] ?? Number.NaN)
}

/** The longest that `setTimeout` waits; beyond, it fires at once. */
const LONGEST_MS = 2 ** 31 - 1

/** `30s`, `250ms`, `5m`, `1h`, `0s`: milliseconds, at most what a timer can wait (24.8 days). */
export function duration(described: Described<string>): TCodec<TString, number> {
  const pattern = '^\\d+(\\.\\d+)?(ms|s|m|h|d)$'
  return Type.Codec(
    Type.Refine(
      Type.String({ pattern, ...wants('a duration such as 250ms, 30s, 5m', described) }),
      (text) => !(scaled(UNITS, text) > LONGEST_MS),
    ),
  )
    .Decode((text) => scaled(UNITS, text))
    .Encode((ms) => `${ms}ms`)
}

/** `64MB`, `512KiB`: bytes. */
export function size(described: Described<string>): TCodec<TString, number> {
  const pattern = '^\\d+(\\.\\d+)?(B|kB|MB|GB|KiB|MiB|GiB)$'
  return Type.Codec(
    Type.Refine(
      Type.String({ pattern, ...wants('a size such as 512kB, 64MB, 1GiB', described) }),
      (text) => !(scaled(SIZES, text) > Number.MAX_SAFE_INTEGER),
    ),
  )
    .Decode((text) => Math.floor(scaled(SIZES, text)))
    .Encode((bytes) => `${bytes}B`)
}

/** A whole number between `minimum` and `maximum`. */
export function whole(described: Described<number> & { minimum: number; maximum: number }) {
  const { about, ...rest } = described
  return Type.Integer({
    description: about,
    wants: `a whole number from ${described.minimum} to ${described.maximum}`,
    ...rest,
  })
}

/** A TCP port; 0 lets the system choose. */
export function port(described: Described<number>) {
  return whole({ minimum: 0, maximum: 65_535, ...described })
}

/** Any text that is not empty. */
export function text(described: Described<string>): TString {
  return Type.String({ minLength: 1, ...wants('a text that is not empty', described) })
}

/** One of a few words. */
export function choice<const T extends string>(words: readonly T[], described: Described<T>): TUnsafe<T> {
  const { about, ...rest } = described
  return Type.Unsafe<T>(Type.Enum([...words], { description: about, wants: `one of ${words.join(', ')}`, ...rest }))
}

/** Comma-separated, spaces ignored; the empty text is the empty list. */
export function list(described: Described<string>): TCodec<TString, readonly string[]> {
  return Type.Codec(Type.String(wants('a comma-separated list', described)))
    .Decode((text) =>
      Object.freeze(
        text
          .split(',')
          .map((part) => part.trim())
          .filter(Boolean),
      ),
    )
    .Encode((parts) => parts.join(','))
}

/** Comma-separated addresses and blocks of them in CIDR form: `10.0.0.0/8,::1`; the empty text is the empty list. */
export function cidrs(described: Described<string>): TCodec<TString, readonly string[]> {
  const wanted = 'comma-separated addresses or CIDRs such as 10.0.0.0/8,192.168.1.5,fd00::/8'
  const parts = (text: string) => text.split(',').map((part) => part.trim())
  return Type.Codec(
    Type.Refine(Type.String(wants(wanted, described)), (text) => text === '' || parts(text).every(isCidr)),
  )
    .Decode((text) => Object.freeze(parts(text).filter(Boolean)))
    .Encode((all) => all.join(','))
}

/** One address or block of them. */
export function cidr(described: Described<string>): TString {
  return Type.Refine(
    Type.String(wants('an address or CIDR such as 192.168.1.5, 10.0.0.0/8, fd00::/8', described)),
    isCidr,
  )
}

function isCidr(text: string): boolean {
  const [, address = '', bits] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text) ?? []
  return Number(bits ?? 0) <= ({ 4: 32, 6: 128 }[isIP(address)] ?? -1)
}

/** How a value of `origins` must look, for error messages. */
export const WANTED_ORIGINS =
  'comma-separated origins such as http://127.0.0.1:5000, or dns+http://name:5000 for each address of a name'

/**
 * Comma-separated http(s) origins without a path, `http://127.0.0.1:5000,http://127.0.0.1:5003`. With `dns+` before it
 * (`dns+http://gateway:5000`), every address of the name is meant.
 */
export function origins(described: Described<string>): TCodec<TString, readonly string[]> {
  return Type.Codec(
    Type.Refine(Type.String(wants(WANTED_ORIGINS, described)), (text) =>
      text.split(',').every((part) => normalOrigin(part) !== undefined),
    ),
  )
    .Decode((text) => Object.freeze(text.split(',').map((part) => normalOrigin(part) as string)))
    .Encode((parts) => parts.join(','))
}

/** One of these. */
export function origin(described: Described<string>): TString {
  const wanted = 'an origin such as http://127.0.0.1:5000, or dns+http://name:5000 for each address of a name'
  return Type.Refine(Type.String(wants(wanted, described)), (text) => normalOrigin(text) !== undefined)
}

/** Nothing may be there that the origin would lose: no path, query or credentials. */
function normalOrigin(text: string): string | undefined {
  const [, dns = '', bare = ''] = /^(dns\+)?(.*)$/is.exec(text.trim()) ?? []
  const url = URL.parse(bare)
  const sound = url !== null && /^https?:$/.test(url.protocol) && url.href === `${url.origin}/`
  return sound ? dns.toLowerCase() + url.origin : undefined
}

/** Where something begins: an origin, and the path that all others are below. */
export interface BaseUrl {
  readonly origin: string
  readonly path: string
}

/** One http(s) URL, its path included: `https://example.com/base/`. */
export function baseUrl(described: Described<string>): TCodec<TString, BaseUrl> {
  const wanted = 'an http or https URL without credentials, query and fragment, such as https://example.com/base/'
  return Type.Codec(
    Type.Refine(Type.String(wants(wanted, described)), (text) => {
      const url = URL.parse(text)
      return url !== null && /^https?:$/.test(url.protocol) && url.href === `${url.origin}${url.pathname}`
    }),
  )
    .Decode((text) => {
      const { origin, pathname } = new URL(text)
      return Object.freeze({ origin, path: pathname })
    })
    .Encode(({ origin, path }) => origin + path)
}

/** The settings every service has. */
export const common = {
  PORT: port({ about: 'Port to listen on; 0 lets the system choose.', default: 0 }),
  HOST: text({ about: 'Address to listen on.', default: '127.0.0.1' }),
  INSTANCE: Type.Optional(
    Type.String({
      pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$',
      ...wants('up to 64 letters, digits, dots and hyphens', {
        about: 'This replica’s name in answers, logs and metrics; by default the service’s name.',
      }),
    }),
  ),
  LOG_LEVEL: choice(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], {
    about: 'The least severe log lines to write; debug adds one line a request.',
    default: 'info',
  }),
  SPILLWAY_STATE_DIR: Type.Optional(
    text({ about: 'Folder of the stack this process belongs to; marks its processes.' }),
  ),
}
