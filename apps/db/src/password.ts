/** Passwords as argon2id (RFC 9106), kept as PHC strings, which carry their own parameters. */
import { argon2, randomBytes, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'

interface Parameters {
  /** KiB. */
  memory: number
  passes: number
  parallelism: number
}

/** OWASP's first choice; about 20 ms of one core. */
const OURS: Parameters = { memory: 19_456, passes: 2, parallelism: 1 }
const SALT_BYTES = 16
const TAG_BYTES = 32

interface Hash extends Parameters {
  salt: Buffer
  tag: Buffer
}

/** Checked for people who do not exist, so that they take as long as those who do. No password has this tag. */
const NOBODY = format({ ...OURS, salt: Buffer.alloc(SALT_BYTES), tag: Buffer.alloc(TAG_BYTES) })

export type Argon2 = (
  algorithm: 'argon2id',
  parameters: Parameters & { message: Buffer; nonce: Buffer; tagLength: number },
) => Promise<Buffer>
const platform: Argon2 = promisify(argon2)

/** A new PHC string: `$argon2id$v=19$m=19456,t=2,p=1$salt$tag`. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(SALT_BYTES)
  const tag = await platform('argon2id', {
    ...OURS,
    message: Buffer.from(password),
    nonce: salt,
    tagLength: TAG_BYTES,
  })
  return format({ ...OURS, salt, tag })
}

/**
 * Whether `password` is the one that was hashed. Works as long where nothing was.
 * @throws {Error} where `stored` is no argon2id PHC string
 */
export async function checkPassword(
  stored: string | undefined,
  password: string,
  compute: Argon2 = platform,
): Promise<boolean> {
  const { salt, tag, ...parameters } = parse(stored ?? NOBODY)
  const found = await compute('argon2id', {
    ...parameters,
    message: Buffer.from(password),
    nonce: salt,
    tagLength: tag.length,
  })
  return timingSafeEqual(found, tag) && stored !== undefined
}

const PHC = /^\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/

function parse(phc: string): Hash {
  const [, memory, passes, parallelism, salt = '', tag = ''] = PHC.exec(phc) ?? []
  if (memory === undefined) throw new Error('a stored password is not an argon2id PHC string')
  return {
    memory: Number(memory),
    passes: Number(passes),
    parallelism: Number(parallelism),
    salt: Buffer.from(salt, 'base64'),
    tag: Buffer.from(tag, 'base64'),
  }
}

function format({ memory, passes, parallelism, salt, tag }: Hash): string {
  const base64 = (bytes: Buffer) => bytes.toString('base64').replace(/=+$/, '')
  return `$argon2id$v=19$m=${memory},t=${passes},p=${parallelism}$${base64(salt)}$${base64(tag)}`
}
