/** Accounts as the command line makes and changes them, and what sign-in makes of that. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { type AddressInfo, createServer, connect as dial } from 'node:net'
import path from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { connect, createDatabase, type TestDatabase } from '@spillway/postgres/testing'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { readRevocations } from '../src/revocations.ts'
import { carryOut } from '../src/users/carry-out.ts'
import { readCommand } from '../src/users/command.ts'
import { migratedDatabase, startService, type TestService } from './world.ts'

const APP = path.join(import.meta.dirname, '..')
let database: TestDatabase
let db: TestService

beforeAll(async () => {
  database = await migratedDatabase()
  db = await startService(database.url)
})
afterAll(async () => {
  await db.close()
  await database.drop()
})

/** As the command line does it, in this process. */
const users = (args: readonly string[], stdin = '') =>
  carryOut(readCommand(args), database.client, {
    input: Readable.from([Buffer.from(stdin)]),
    output: new PassThrough(),
  })

const add = (name: string, roles = 'reader') =>
  users(['add', name, '--roles', roles, '--password-stdin'], 'the right one\n')

async function signIn(username: string, password = 'the right one') {
  const answer = await db.request('POST', '/sign-in', { body: { username, password }, headers: { authorization: '' } })
  const { requestId: _, ...body } = (await answer.json()) as unknown as Record<string, unknown>
  return { status: answer.status, body, headers: [...answer.headers.keys()].sort() }
}
const revoked = async () =>
  (await readRevocations(database.client, 0)).revocations.map((each) =>
    'subject' in each ? each.subject : each.tokenId,
  )

describe('accounts', () => {
  it('are added with a password from standard input, and sign in by any spelling of their name', async () => {
    expect(await add('Grace', 'reader,editor')).toEqual({
      said: 'Grace is added, with the roles reader, editor',
      isDone: true,
    })
    for (const spelling of ['Grace', 'grace', ' GRACE ', 'ｇｒａｃｅ']) {
      expect(await signIn(spelling)).toMatchObject({
        status: 200,
        body: { username: 'Grace', roles: ['reader', 'editor'] },
      })
    }
    expect((await signIn('Grace', 'the wrong one')).status).toBe(401)
  })

  it('are not made twice, in no spelling', async () => {
    await add('Linus')
    for (const spelling of ['Linus', 'LINUS', 'ｌｉｎｕｓ', ' linus']) {
      const again = await add(spelling)
      expect(again).toEqual({ said: expect.stringContaining('there is an account Linus'), isDone: false })
    }
    expect(() => add('lіnus')).toThrow('Latin and Cyrillic')
  })

  it('get a password that is made up and printed alone, once', async () => {
    const made = await users(['add', 'edsger', '--generate'])
    expect(made).toEqual({ said: 'edsger is added, with no roles', printed: expect.any(String), isDone: true })
    expect((await signIn('edsger', made.printed)).status).toBe(200)
  })

  it('are listed, without what their passwords are', async () => {
    await add('barbara')
    await users(['disable', 'barbara'])
    const { printed: out } = await users(['list'])
    expect(out).toMatch(/^name +roles +state\n/)
    expect(out).toMatch(/^barbara +reader +disabled since \d{4}-.*Z$/m)
    expect(out).not.toContain('argon2')
  })

  it('that are disabled are, from outside, not there: the answer is that to a wrong name, to the letter', async () => {
    await add('alan')
    expect(await users(['disable', 'ALAN'])).toEqual({ said: 'alan is disabled', isDone: true })
    expect(await users(['disable', 'alan'])).toEqual({ said: 'alan is disabled already', isDone: true })
    const [disabled, nobody, wrong] = [await signIn('alan'), await signIn('nobody'), await signIn('Grace', 'wrong one')]
    expect(disabled).toEqual(nobody)
    expect(disabled).toEqual(wrong)
    expect(disabled.status).toBe(401)
    expect(await users(['enable', 'alan'])).toEqual({ said: 'alan is enabled', isDone: true })
    expect((await signIn('alan')).status).toBe(200)
  })

  it('that change are signed out everywhere, and not where nothing changed', async () => {
    await add('donald', 'reader')
    const before = await revoked()
    await users(['enable', 'donald'])
    await users(['roles', 'donald', 'reader'])
    expect(await revoked()).toEqual(before)
    for (const change of [
      ['roles', 'donald', 'editor'],
      ['disable', 'donald'],
      ['password', 'donald', '--generate'],
    ]) {
      await database.sql('DELETE FROM revocations')
      expect((await users(change)).isDone).toBe(true)
      expect(await revoked()).toEqual(['donald'])
    }
  })

  it('that are removed are gone, with their tokens', async () => {
    await add('Ken')
    expect(await users(['remove', 'ken'])).toEqual({ said: 'Ken is removed', isDone: true })
    expect((await signIn('Ken')).status).toBe(401)
    expect(await revoked()).toContain('Ken')
    expect(await users(['remove', 'ken'])).toMatchObject({
      isDone: false,
      said: expect.stringContaining('there is no account "ken"'),
    })
  })

  it('get a new password, with which alone they sign in', async () => {
    await add('margaret')
    const changed = await users(['password', 'margaret', '--password-stdin'], 'another one')
    expect(changed).toEqual({ said: 'margaret has a new password', isDone: true })
    expect((await signIn('margaret', 'another one')).status).toBe(200)
    expect((await signIn('margaret')).status).toBe(401)
  })
})

describe('the command line', () => {
  const run = async (args: readonly string[], { stdin = '', url = database.url } = {}) => {
    const child = spawn(process.execPath, ['src/users.ts', ...args], { cwd: APP, env: { DATABASE_URL: url } })
    child.stdin.end(stdin)
    const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
    return { code, out, err }
  }

  it('prints what scripts read, tells people the rest, and leaves with 0', async () => {
    const made = await run(['add', 'tony', '--roles', 'editor', '--generate'])
    expect(made).toEqual({
      code: 0,
      out: expect.stringMatching(/^[\w-]{24}\n$/),
      err: 'tony is added, with the role editor\n',
    })
    expect((await signIn('tony', made.out.trim())).status).toBe(200)
  })

  it('leaves with 2 and says what is wrong where it does not understand', async () => {
    const short = await run(['add', 'short', '--password-stdin'], { stdin: 'short' })
    expect(short).toEqual({ code: 2, out: '', err: expect.stringContaining('5 characters; it must have 8 to 256') })
    const nowhere = await run(['list'], { url: '' })
    expect(nowhere).toEqual({ code: 2, out: '', err: expect.stringContaining('DATABASE_URL is not set') })
  })

  it('leaves with 1 where the database is away or not prepared, and does not show its password', async () => {
    const away = await run(['list'], { url: 'postgres://a:hidden@127.0.0.1:1/b' })
    expect(away).toEqual({ code: 1, out: '', err: expect.stringContaining('ECONNREFUSED') })
    expect(away.err).not.toContain('hidden')
    const empty = await createDatabase()
    onTestFinished(() => empty.drop())
    expect(await run(['list'], { url: empty.url })).toMatchObject({
      code: 1,
      err: expect.stringContaining('not prepared'),
    })
  })

  it('sends PostgreSQL no password, so that none can stand in its logs', async () => {
    const { hostname, port } = new URL(database.url)
    let sent = ''
    const relay = createServer((client) => {
      const server = dial(Number(port), hostname)
      client.on('data', (chunk) => {
        sent += chunk.toString('latin1')
      })
      client.pipe(server).pipe(client)
      for (const socket of [client, server]) socket.on('error', () => socket.destroy())
    })
    await once(relay.listen(0, '127.0.0.1'), 'listening')
    onTestFinished(() => void relay.close())
    const url = new URL(database.url)
    url.host = `127.0.0.1:${(relay.address() as AddressInfo).port}`
    const client = await connect(url.href)
    for (const command of [
      ['add', 'adele', '--password-stdin'],
      ['password', 'adele', '--password-stdin'],
    ]) {
      const terminal = { input: Readable.from([Buffer.from('the right one')]), output: new PassThrough() }
      expect(await carryOut(readCommand(command), client, terminal)).toMatchObject({ isDone: true })
    }
    await client.end()
    expect(sent).toContain('$argon2id$')
    expect(sent).not.toContain('right one')
  })
})
