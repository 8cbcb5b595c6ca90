import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { connect } from 'node:tls'
import { generate } from 'selfsigned'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { createApp, createContext } from '../src/index.ts'
import { send } from './wire.ts'

const folder = mkdtempSync(path.join(tmpdir(), 'spillway-tls-'))
const files = { cert: path.join(folder, 'cert.pem'), key: path.join(folder, 'key.pem') }
const context = createContext('sample', { LOG_LEVEL: 'silent' })
const pair = async (name: string) => {
  const { cert, private: key } = await generate([{ name: 'commonName', value: name }], { keyType: 'ec' })
  return { cert, key }
}

/** Replaced as a whole, as those who renew certificates do it. */
function put(file: string, text: string): void {
  writeFileSync(`${file}.new`, text)
  renameSync(`${file}.new`, file)
}

let app: Awaited<ReturnType<typeof createApp>>
let port: number
beforeAll(async () => {
  const { cert, key } = await pair('first')
  put(files.cert, cert)
  put(files.key, key)
  app = await createApp(context, { tls: files })
  app.get('/scheme', ({ protocol }) => protocol)
  await app.listen({ port: 0, host: '127.0.0.1' })
  port = (app.server.address() as AddressInfo).port
})
afterAll(async () => {
  await app.close()
  rmSync(folder, { recursive: true })
})

/** The name in the certificate that a new connection is shown. */
function shown(): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false }, () => {
    resolve(String(socket.getPeerCertificate().subject.CN))
    socket.destroy()
  })
  socket.on('error', reject)
  return promise
}

describe('a server with a certificate', () => {
  it('speaks HTTPS, and its routes know it', async () => {
    const { promise, resolve, reject } = Promise.withResolvers<string>()
    request({ port, path: '/scheme', rejectUnauthorized: false }, (answer) => {
      answer.setEncoding('utf8').on('data', resolve)
    })
      .on('error', reject)
      .end()
    expect(await promise).toBe('https')
  })

  it('answers nothing to those who speak HTTP without it, and goes on', async () => {
    const came = await send(port, 'GET /scheme HTTP/1.1\r\nHost: x\r\n\r\n').catch(() => '')
    expect(came).not.toMatch(/ 200 /)
    expect(await shown()).toBe('first')
  })

  it('keeps its pair while the new certificate and its key do not fit, and takes the new one when they do', async () => {
    const { cert, key } = await pair('second')
    const refused = vi.spyOn(context.logger, 'error')
    put(files.cert, cert)
    await expect.poll(() => refused.mock.calls.length).toBeGreaterThan(0)
    expect(await shown()).toBe('first')
    put(files.key, key)
    await expect.poll(shown).toBe('second')
  })

  it('does not start with files that are none', async () => {
    const broken = path.join(folder, 'broken.pem')
    writeFileSync(broken, 'no certificate')
    await expect(createApp(context, { tls: { cert: broken, key: files.key } })).rejects.toThrow(
      /broken\.pem and .*key\.pem are no certificate and its key: /,
    )
    await expect(createApp(context, { tls: { cert: files.cert, key: `${broken}.gone` } })).rejects.toThrow(/ENOENT/)
  })
})
