import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { createDatabase, type TestDatabase } from '@spillway/postgres/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { checkPassword } from '../src/password.ts'
import { keyTexts } from './world.ts'

const APP = path.join(import.meta.dirname, '..')
let database: TestDatabase
let folder: string
let accounts: string

beforeAll(async () => {
  database = await createDatabase()
  folder = await mkdtemp(path.join(tmpdir(), 'spillway-db-'))
  accounts = path.join(folder, 'accounts.json')
})
afterAll(async () => {
  await database.drop()
  await rm(folder, { recursive: true })
})

interface Ended {
  code: number
  out: string
}
function init(environment: Record<string, string>): Promise<Ended> {
  const env = { DATABASE_URL: database.url, ...environment }
  return new Promise((resolve) => {
    execFile(process.execPath, ['src/init.ts'], { cwd: APP, env }, (error, stdout, stderr) =>
      resolve({ code: error ? Number(error.code) : 0, out: stdout + stderr }),
    )
  })
}

describe('init', () => {
  it('makes tables only, unless a demonstration is asked for', async () => {
    expect((await init({})).code).toBe(0)
    expect(await database.sql('SELECT count(*)::int AS n FROM items')).toEqual([{ n: 0 }])
  })

  it('makes sample items and accounts, and never undoes what people did to them', async () => {
    const passwords = { reader: 'secret-1', editor: 'secret-2' }
    const write = () =>
      writeFile(
        accounts,
        JSON.stringify(
          Object.entries(passwords).map(([username, password]) => ({ username, password, roles: ['reader'] })),
        ),
      )
    const demo = { SPILLWAY_DEMO: '1', SAMPLE_ITEMS: '30', ACCOUNTS_FILE: accounts }
    await write()
    const first = await init(demo)
    expect(first).toMatchObject({ code: 0, out: expect.stringContaining('"items":30,"accounts":["reader","editor"]') })
    expect(
      await database.sql(`SELECT key, value FROM items WHERE key IN ('alpha', 'omega', 'zeta-2') ORDER BY key`),
    ).toEqual([
      { key: 'alpha', value: { name: 'alpha', position: 1 } },
      { key: 'omega', value: { name: 'omega', position: 24 } },
      { key: 'zeta-2', value: { name: 'zeta-2', position: 30 } },
    ])
    await database.sql(`UPDATE items SET value = '"changed"' WHERE key = 'alpha'`)
    passwords.editor = 'secret-3'
    await write()
    const second = await init(demo)
    expect(second).toMatchObject({ code: 0, out: expect.stringContaining('"items":0,"accounts":["editor"]') })
    expect(await database.sql(`SELECT value FROM items WHERE key = 'alpha'`)).toEqual([{ value: 'changed' }])
    expect(await database.sql('SELECT count(*)::int AS n FROM items')).toEqual([{ n: 30 }])
    const [editor] = await database.sql(`SELECT password FROM accounts WHERE username = 'editor'`)
    expect(await checkPassword(editor?.['password'] as string, 'secret-3')).toBe(true)
    expect(first.out + second.out).not.toContain('secret')
  })

  it('says what is wrong and leaves with 1', async () => {
    await writeFile(accounts, '[{"username":"a","password":"secret"}]')
    const demo = { SPILLWAY_DEMO: '1', ACCOUNTS_FILE: accounts }
    expect(await init(demo)).toMatchObject({
      code: 1,
      out: expect.stringContaining(`${accounts} is not a list of accounts`),
    })
    await writeFile(accounts, '[{"password":"secret"')
    expect(await init(demo)).toMatchObject({ code: 1, out: expect.not.stringContaining('secret') })
    expect(await init({ DATABASE_URL: 'postgres://a:hidden@127.0.0.1:1/b' })).toMatchObject({
      code: 1,
      out: expect.stringContaining('ECONNREFUSED'),
    })
    expect(await init({ SPILLWAY_DEMO: 'yes', SAMPLE_ITEMS: '-1' })).toMatchObject({
      code: 1,
      out: expect.stringMatching(/2 mistakes[\s\S]*SPILLWAY_DEMO[\s\S]*SAMPLE_ITEMS/),
    })
  })
})

describe('the service as a process', () => {
  const signIn = async (url: string, body: string) =>
    (await fetch(`${url}/sign-in`, { method: 'POST', body, headers: { 'content-type': 'application/json' } })).status

  it('starts, answers, logs no password, and stops on SIGTERM with all connections closed', async () => {
    const keys = path.join(folder, 'keys.json')
    await writeFile(keys, keyTexts.verifying)
    const child = spawn(process.execPath, ['src/main.ts'], {
      cwd: APP,
      env: { DATABASE_URL: database.url, VERIFY_KEYS_FILE: keys, PORT: '0', LOG_LEVEL: 'trace' },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const exited = once(child, 'exit')
    const log: string[] = []
    for await (const line of createInterface(child.stdout)) {
      log.push(line)
      const { msg, urls } = JSON.parse(line)
      // The second signal skips the time that balancers are given to look elsewhere.
      if (msg === 'draining') child.kill('SIGTERM')
      if (msg !== 'ready') continue
      expect((await fetch(`${urls[0]}/ready`)).status).toBe(200)
      expect(await (await fetch(`${urls[0]}/data/beta`)).json()).toMatchObject({ key: 'beta' })
      expect(await signIn(urls[0], '{"username":"editor","password":"secret-3"}')).toBe(200)
      expect(await signIn(urls[0], '{"username":"editor","password":"secret-9"}')).toBe(401)
      expect(await signIn(urls[0], '{"username":"","password":"secret-9"}')).toBe(400)
      expect(await signIn(urls[0], '{"password":"secret-9"')).toBe(400)
      await database.sql(
        `INSERT INTO accounts (username, key, password, roles) VALUES ('damaged', 'damaged', 'secret-8', '{}')`,
      )
      expect(await signIn(urls[0], '{"username":"damaged","password":"secret-9"}')).toBe(500)
      child.kill('SIGTERM')
    }
    expect(await exited).toEqual([0, null])
    expect(log.filter((line) => line.includes('"url":"/sign-in"') && line.includes('"msg":"request"'))).toHaveLength(5)
    expect(log.join()).not.toContain('secret')
    const open = `SELECT FROM pg_stat_activity WHERE application_name = 'db' AND datname = current_database()`
    // A backend ends a moment after its client.
    await expect.poll(() => database.sql(open)).toEqual([])
  })

  it('names the key file that it cannot read', async () => {
    const env = { DATABASE_URL: database.url, VERIFY_KEYS_FILE: '/nowhere/keys.json', PORT: '0' }
    const child = spawn(process.execPath, ['src/main.ts'], { cwd: APP, env, stdio: ['ignore', 'pipe', 'inherit'] })
    let out = ''
    child.stdout.on('data', (chunk) => {
      out += chunk
    })
    expect(await once(child, 'exit')).toEqual([1, null])
    expect(out).toContain('cannot read the keys in /nowhere/keys.json')
  })
})
