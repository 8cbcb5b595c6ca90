/** A new password: typed without an echo, read from standard input, or made up. */
import { createInterface } from 'node:readline'
import { type Readable, Writable } from 'node:stream'
import { randomPassword } from '@spillway/auth'
import { type PasswordSource, UsageError } from './command.ts'

const FEWEST = 8
/** As sign-in takes them, whatever it counts as one character. */
const MOST = 256
const MOST_BYTES = 4 * MOST

/** A terminal, or what is piped in its place. */
export interface Terminal {
  input: Readable & { isTTY?: boolean }
  output: Writable
}

/** @throws {UsageError} saying what is wrong with the password, never what it is */
export async function newPassword(from: PasswordSource, terminal: Terminal): Promise<string> {
  if (from === 'generate') return randomPassword()
  const password = from === 'stdin' ? await piped(terminal.input) : await typedTwice(terminal)
  const length = [...password].length
  if (length < FEWEST || password.length > MOST) {
    throw new UsageError(`the password has ${length} characters; it must have ${FEWEST} to ${MOST}`)
  }
  return password
}

/** All there is, without the line's end that `echo` and editors add. */
async function piped(input: Readable): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of input) {
    chunks.push(chunk as Buffer)
    bytes += (chunk as Buffer).length
    if (bytes > MOST_BYTES) throw new UsageError(`standard input has more than a password of ${MOST} characters`)
  }
  return Buffer.concat(chunks)
    .toString()
    .replace(/\r?\n$/, '')
}

async function typedTwice({ input, output }: Terminal): Promise<string> {
  if (!input.isTTY) {
    throw new UsageError('there is no terminal to ask for the password in; give --password-stdin or --generate')
  }
  // As a terminal it leaves the echo to us, and we keep it to ourselves.
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() })
  const lines = createInterface({ input, output: silent, terminal: true })
  lines.once('SIGINT', () => lines.close())
  // It keeps what is typed ahead, or pasted.
  const typed = lines[Symbol.asyncIterator]()
  const ask = async (question: string) => {
    output.write(question)
    const { value, done } = await typed.next()
    output.write('\n')
    if (done) throw new UsageError('no password was given')
    return value
  }
  try {
    const password = await ask('Password: ')
    if ((await ask('Once more: ')) !== password) throw new UsageError('the two passwords differ')
    return password
  } finally {
    lines.close()
  }
}
