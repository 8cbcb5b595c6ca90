import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, it, onTestFinished } from 'vitest'
import { reportTask } from './report.ts'

it('a report reads its pages in turn from each endpoint, also from one that stands for all addresses of a name', async () => {
  const hosts: string[] = []
  const server = createServer(({ headers, url }, response) => {
    hosts.push(String(headers.host))
    const next = url?.includes('after') ? null : 'a'
    response.end(JSON.stringify({ items: [], next }))
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  onTestFinished(() => {
    server.close()
    server.closeAllConnections()
  })
  const { port } = server.address() as AddressInfo
  const task = reportTask([`dns+http://localhost:${port}`, `http://127.0.0.1:${port}`])
  const result = await task.run({}, { signal: new AbortController().signal, progress: () => {} })
  expect(result).toMatchObject({ items: 0 })
  expect(hosts).toEqual([`localhost:${port}`, `127.0.0.1:${port}`])
})
