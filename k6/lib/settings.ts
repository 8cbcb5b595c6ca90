/** What a scenario can be told by `-e NAME=value` or the environment: every mistake is reported at once. */

export interface Settings {
  /** The front door, without a slash at its end. */
  readonly url: string
  /** A token, or an account to sign in with. */
  readonly token: string
  readonly username: string
  readonly password: string
  readonly shape: 'users' | 'closed'
  readonly users: number
  readonly joinPerSecond: number
  /** Seconds. */
  readonly think: readonly [from: number, to: number]
  /** Seconds, from the first user on. */
  readonly duration: number
  /** Without a prefix, the sample items. `first` counts from 0 there. */
  readonly keys: { readonly prefix: string; readonly first: number; readonly count: number }
  readonly process: { readonly n: number; readonly primes: number }
  /** How many accounts `load-1`, `load-2` ... sign in. */
  readonly accounts: number
}

/** What a scenario has of its own. */
export interface Defaults {
  readonly keyCount: number
  readonly users?: number
  /** It signs in with accounts `load-1` and so on, which share PASSWORD; a TOKEN is of no use to it. */
  readonly manyAccounts?: boolean
}

const SECONDS: Record<string, number> = { ms: 0.001, s: 1, m: 60, h: 3600 }
const N = 10_000
const PRIMES_TO_N = 1_229

/** @throws {Error} naming each setting that is wrong and what it must be */
export function readSettings(defaults: Defaults): Settings {
  const mistakes: string[] = []
  const text = (name: string) => __ENV[name] ?? ''
  // k6's own error names a file that it cannot open.
  const fileText = (name: string) => (text(name) === '' ? '' : open(text(name)).trim())

  function read<T>(name: string, fallback: T, wants: string, parse: (given: string) => T | undefined): T {
    const given = text(name)
    if (given === '') return fallback
    const value = parse(given)
    if (value === undefined) mistakes.push(`${name} is "${given}"; it must be ${wants}`)
    return value ?? fallback
  }
  const whole = (name: string, fallback: number, minimum: number, maximum: number) =>
    read(name, fallback, `a whole number from ${minimum} to ${maximum}`, (given) => {
      const value = /^\d{1,12}$/.test(given) ? Number(given) : -1
      return value >= minimum && value <= maximum ? value : undefined
    })

  const shape = read<Settings['shape']>('SHAPE', 'users', 'users or closed', (given) =>
    given === 'users' || given === 'closed' ? given : undefined,
  )
  const settings: Settings = {
    url: read('BASE_URL', 'http://127.0.0.1:8000', 'an origin such as http://127.0.0.1:8000', origin),
    token: text('TOKEN'),
    username: text('USERNAME') || 'reader',
    password: text('PASSWORD') || fileText('PASSWORD_FILE'),
    shape,
    users: whole('USERS', shape === 'closed' ? 64 : (defaults.users ?? 1000), 1, 100_000),
    joinPerSecond: read('JOIN_PER_SECOND', 100, 'a number above 0, such as 100 or 0.5', (given) =>
      /^\d{1,6}(\.\d+)?$/.test(given) && Number(given) > 0 ? Number(given) : undefined,
    ),
    think: read<Settings['think']>('THINK', [1, 2], 'seconds from-to, such as 1-2 or 0.5-1', range),
    duration: read('DURATION', 60, 'a time such as 60s or 5m, from 1s to 24h', seconds),
    keys: {
      prefix: read('KEY_PREFIX', '', 'up to 100 letters, digits and . _ ~ -', (given) =>
        /^[\w.~-]{1,100}$/.test(given) ? given : undefined,
      ),
      first: whole('KEY_FIRST', 0, 0, 1e12 - 1),
      count: whole('KEY_COUNT', defaults.keyCount, 1, 1e9),
    },
    process: { n: whole('N', N, 1, 1e9), primes: whole('PRIMES', PRIMES_TO_N, 0, 1e9) },
    accounts: whole('ACCOUNTS', 100, 1, 1000),
  }
  mistakes.push(...contradictions(settings, defaults.manyAccounts === true))
  if (mistakes.length > 0) throw new Error(`the settings have mistakes:\n  ${mistakes.join('\n  ')}`)
  return settings
}

function contradictions({ shape, users, joinPerSecond, duration, ...rest }: Settings, manyAccounts: boolean): string[] {
  const found: string[] = []
  if (shape === 'users' && users / joinPerSecond >= duration) {
    const joining = `${users} users joining ${joinPerSecond} a second take ${users / joinPerSecond} s`
    found.push(`DURATION is ${duration} s, but ${joining}; lengthen DURATION, raise JOIN_PER_SECOND or lower USERS`)
  }
  if (rest.process.n !== N && !__ENV['PRIMES']) {
    found.push(`PRIMES is not set; it must be how many primes there are up to N=${rest.process.n}`)
  }
  if (rest.password === '' && (manyAccounts || rest.token === '')) {
    const whose = manyAccounts ? 'of the accounts load-1, load-2 ...' : `of ${rest.username}, or set TOKEN instead`
    found.push(`PASSWORD is not set; it must be the password ${whose} (or PASSWORD_FILE, a file that holds it)`)
  }
  return found
}

function origin(given: string): string | undefined {
  return /^https?:\/\/[^/?#\s]+\/?$/.test(given) ? given.replace(/\/$/, '') : undefined
}

function seconds(given: string): number | undefined {
  const [, amount, unit = 's'] = /^(\d{1,9}(?:\.\d+)?)(ms|s|m|h)?$/.exec(given) ?? []
  const value = Number(amount) * (SECONDS[unit] ?? 1)
  // k6 makes no shorter ones.
  return value >= 1 && value <= 86_400 ? value : undefined
}

function range(given: string): [number, number] | undefined {
  const [, from, to] = /^(\d{1,6}(?:\.\d+)?)-(\d{1,6}(?:\.\d+)?)$/.exec(given) ?? []
  return Number(from) <= Number(to) ? [Number(from), Number(to)] : undefined
}
