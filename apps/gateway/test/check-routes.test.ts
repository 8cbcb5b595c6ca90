/** `make check-routes`: its script as a process, in the folder of whoever calls it. */
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect, it, onTestFinished } from 'vitest'

const script = path.join(import.meta.dirname, '../src/check-routes.ts')

async function check(file: string | undefined, beside: Record<string, string> = {}, env: Record<string, string> = {}) {
  const cwd = await mkdtemp(path.join(tmpdir(), 'spillway-check-'))
  onTestFinished(() => rm(cwd, { recursive: true }))
  for (const [name, text] of Object.entries(beside)) await writeFile(path.join(cwd, name), text)
  return new Promise<{ code: unknown; out: string; err: string }>((resolve) => {
    const options = {
      cwd,
      env: { PATH: process.env['PATH'], NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'], ...env },
    }
    execFile(process.execPath, [script, ...(file === undefined ? [] : [file])], options, (error, out, err) =>
      resolve({ code: error?.code ?? 0, out, err }),
    )
  })
}

it('shows the routes of a good file', async () => {
  const good = `
upstreams:
  db: { endpoints: "\${SHOP}" }
routes:
  - { path: '/items/{id}', methods: [GET], upstream: db, auth: signed-in }
  - { path: '/items/{id}', methods: [PUT, PATCH], upstream: db, auth: { role: editor } }
  - { path: /shop, methods: [GET], upstream: db, auth: public, mount: /v1 }
`
  expect(await check('my.yaml', { 'my.yaml': good }, { SHOP: 'http://127.0.0.1:9001' })).toEqual({
    code: 0,
    out: `METHODS    PATH         TO      WHO          CACHED FOR
GET        /items/{id}  db      signed-in    user
PUT,PATCH  /items/{id}  db      role editor
GET        /shop        db /v1  public
`,
    err: '',
  })
})

it('shows what ships where no file is named', async () => {
  const { code, out } = await check(undefined)
  expect(code).toBe(0)
  expect(out).toContain('/longtask/{id}')
})

it('tells every mistake of a bad file, with its line, its column and what would be right', async () => {
  const bad = `upstreams:\n  db: { endpoints: "\${SHOP}" }\nroutes:\n  - { path: /x, methods: [GTE], upstream: db, auth: public }\n`
  const { code, out, err } = await check('bad.yaml', { 'bad.yaml': bad })
  expect([code, out]).toEqual([1, ''])
  expect(err).toBe(`bad.yaml has 2 mistakes:
  bad.yaml:2:20 upstreams.db.endpoints needs \${SHOP}, which is not set
  bad.yaml:4:27 routes[0].methods[0] is "GTE"; it must be one of GET, POST, PUT, PATCH, DELETE, OPTIONS
`)
})

it('says which file is not there', async () => {
  const { code, err } = await check('my.yaml')
  expect(code).toBe(1)
  expect(err).toContain('the routes file is "my.yaml", which cannot be read (ENOENT)')
})
