import { once } from 'node:events'
import { PassThrough, Readable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { UsageError } from './command.ts'
import { newPassword } from './new-password.ts'

/** A terminal at which somebody types these lines, each once he is asked. */
async function typing(...lines: string[]) {
  const input = Object.assign(new PassThrough(), { isTTY: true, setRawMode: () => input })
  const output = new PassThrough()
  let shown = ''
  output.on('data', (chunk) => {
    shown += chunk
    if (/: $/.test(String(chunk))) input.write(lines.shift() ?? '\u0003')
  })
  const result = await newPassword('terminal', { input, output }).catch((error: unknown) => error)
  return { result, shown }
}

const piped = (...chunks: (string | Buffer)[]) =>
  newPassword('stdin', { input: Readable.from(chunks.map((chunk) => Buffer.from(chunk))), output: new PassThrough() })

describe('a new password', () => {
  it('typed twice is taken, and not shown', async () => {
    const { result, shown } = await typing('pässword 🔑\r', 'pässword 🔑\r')
    expect(result).toBe('pässword 🔑')
    expect(shown).toBe('Password: \nOnce more: \n')
  })

  it.each([
    [['one password\r', 'other password\r'], 'the two passwords differ'],
    [['short\r', 'short\r'], 'the password has 5 characters; it must have 8 to 256'],
    [['\u0003'], 'no password was given'],
    [['a password\r', '\u0004'], 'no password was given'],
  ])('typed as %j is refused', async (lines, why) => {
    const { result } = await typing(...lines)
    expect(result).toBeInstanceOf(UsageError)
    expect((result as Error).message).toBe(why)
  })

  it('pasted with its repetition is taken', async () => {
    expect((await typing('the right one\rthe right one\r', '')).result).toBe('the right one')
  })

  it('is read from standard input, without the end of the line', async () => {
    expect(await piped('the right one\n')).toBe('the right one')
    expect(await piped('the right', ' one\r\n')).toBe('the right one')
    const key = Buffer.from('pässword 🔑')
    expect(await piped(key.subarray(0, 2), key.subarray(2))).toBe('pässword 🔑')
  })

  it('that is too long or too short is refused, however it comes', async () => {
    await expect(piped('x'.repeat(257))).rejects.toThrow('the password has 257 characters; it must have 8 to 256')
    await expect(piped('\n')).rejects.toThrow('the password has 0 characters')
    await expect(piped('x'.repeat(10_000))).rejects.toThrow('standard input has more than a password of 256 characters')
  })

  it('is not asked for where there is no terminal', async () => {
    const input = new PassThrough()
    await expect(newPassword('terminal', { input, output: new PassThrough() })).rejects.toThrow(
      'give --password-stdin or --generate',
    )
    input.destroy()
    if (!input.closed) await once(input, 'close')
  })

  it('is made up of 144 bits', async () => {
    const [one, two] = await Promise.all(
      [1, 2].map(() => newPassword('generate', { input: process.stdin, output: process.stderr })),
    )
    expect(one).toMatch(/^[\w-]{24}$/)
    expect(one).not.toBe(two)
  })
})
