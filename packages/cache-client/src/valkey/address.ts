/** Where Valkey is, and as whom to go there, out of one URL. */

export interface Address {
  readonly host: string
  readonly port: number
  readonly db: number
  readonly username?: string
  readonly password?: string
  readonly tls?: object
}

const WANTED = 'a URL such as redis://127.0.0.1:6379 or rediss://user:password@host:6380/1'

/** @throws {TypeError} for anything but `redis[s]://[user[:password]@]host[:port][/db]`; the message repeats no password */
export function addressOf(text: string): Address {
  const url = URL.parse(text)
  const [, db = '0'] = /^\/?(\d{0,4})$/.exec(url?.pathname ?? '-') ?? []
  if (
    !url ||
    !/^rediss?:$/.test(url.protocol) ||
    !url.hostname ||
    !/^\/?\d{0,4}$/.test(url.pathname) ||
    url.search ||
    url.hash
  ) {
    throw new TypeError(`the cache's URL must be ${WANTED}`)
  }
  return {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: Number(url.port || 6379),
    db: Number(db),
    ...(url.username ? { username: decodeURIComponent(url.username) } : {}),
    ...(url.password ? { password: decodeURIComponent(url.password) } : {}),
    ...(url.protocol === 'rediss:' ? { tls: {} } : {}),
  }
}
