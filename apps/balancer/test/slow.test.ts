/** Clients that are slow on purpose, thousands of them: others are answered meanwhile, and they cost little memory. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { expect, it, onTestFinished } from 'vitest'
import { load } from './load.ts'
import { measured } from './process.ts'
import { gateway, main } from './world.ts'

const HEAD = 'GET / HTTP/1.1\r\nhost: a\r\nx-slow: '
const UPLOAD = `POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1000000\r\n\r\n${'x'.repeat(1_000)}`
const DOWNLOAD = 'GET /big HTTP/1.1\r\nhost: a\r\n\r\n'
const BIG = Buffer.alloc(8_000_000, 'x')

/** As many connections that have sent `text`, each opened again when it is cut until `leave`. */
async function slow(url: string, count: number, text: string, { reading = true } = {}) {
  const { port, hostname } = new URL(url)
  const open = new Set<Socket>()
  /** What those had got that were cut. */
  const cut: string[] = []
  let leaving = false
  const one = async () => {
    const socket = connect(Number(port), hostname)
    let came = ''
    socket.on('error', () => {})
    if (reading) {
      socket.on('data', (chunk) => {
        came += chunk
      })
    }
    socket.once('close', () => {
      open.delete(socket)
      cut.push(came)
      if (!leaving) void one()
    })
    await once(socket, 'connect')
    open.add(socket)
    socket.write(text)
  }
  onTestFinished(() => {
    leaving = true
    for (const socket of open) socket.destroy()
  })
  // Not all at once: the backlog of a listening socket is 511.
  for (let begun = 0; begun < count; begun += 250) await Promise.all(Array.from({ length: 250 }, one))
  const leave = () => {
    leaving = true
  }
  return { open, cut, leave }
}

it('5,000 in the head, 250 in the body and 250 in reading harm nobody else; the heads are cut after 15 s', {
  timeout: 90_000,
}, async () => {
  const { origin } = await gateway((request, response) => {
    request.on('error', () => {}).resume()
    request.once('end', () => response.end(request.url === '/big' ? BIG : 'ok'))
  })
  const { url, adminUrl } = await main({ SPILLWAY_UPSTREAMS: origin })
  await expect.poll(async () => (await measured(adminUrl)).usable).toBe(1)
  const failures = async (requests: number) => {
    const { count, stop } = load(url, { methods: ['GET'] })
    await expect.poll(() => count.asked, { timeout: 30_000 }).toBeGreaterThan(requests)
    return await stop()
  }
  expect(await failures(1_000)).toEqual([])
  const before = (await measured(adminUrl)).memory

  const bodies = await slow(url, 250, UPLOAD)
  const readers = await slow(url, 250, DOWNLOAD, { reading: false })
  const heads = await slow(url, 5_000, HEAD)
  const drip = setInterval(() => {
    for (const socket of heads.open) socket.write('x')
  }, 2_000)
  onTestFinished(() => clearInterval(drip))
  expect(await failures(1_000)).toEqual([])
  await expect.poll(() => [heads, bodies, readers].map(({ open }) => open.size)).toEqual([5_000, 250, 250])
  const grown = (await measured(adminUrl)).memory - before
  console.info(`5,500 slow clients: ${Math.round(grown / 1e6)} MB on top of ${Math.round(before / 1e6)} MB`)
  expect(grown).toBeLessThan(400_000_000)

  heads.leave()
  await expect.poll(() => heads.open.size, { timeout: 40_000, interval: 200 }).toBe(0)
  // One that goes on writing for more than a second may lose its answer.
  const told = heads.cut.filter((answer) => answer !== '')
  expect(told.length).toBeGreaterThan(0)
  for (const answer of told) expect(answer).toMatch(/^HTTP\/1\.1 408 [\s\S]*"code":"request_timeout"/)
  expect(await failures(100)).toEqual([])
  expect([bodies, readers].map(({ cut }) => cut)).toEqual([[], []])
})
