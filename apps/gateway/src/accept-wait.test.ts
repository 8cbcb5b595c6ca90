import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server } from 'node:net'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { AcceptWait } from './accept-wait.ts'

let server: Server
let wait: AcceptWait
beforeEach(async () => {
  server = createServer((socket) => socket.on('error', () => {}))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  wait = new AcceptWait(server)
})
afterEach(async () => {
  wait.close()
  server.close()
  await once(server, 'close')
})

/** Nothing is accepted while this runs, since the loop does not turn. */
const looks = (times: number, sinceMs = 20) => {
  let last = 0
  for (let n = 0; n < times; n++) last = wait.look(sinceMs)
  return last
}
const accepted = () => once(server, 'connection')

it('is what the last connection waited, until another waits for longer', async () => {
  wait.look(20)
  looks(9)
  await accepted()
  expect(wait.look(20)).toBe(180)
  // The next probe is under way by now.
  expect(looks(5)).toBe(180)
  expect(looks(5)).toBe(200)
  await accepted()
  expect(wait.look(20)).toBe(200)
  await accepted()
  expect(wait.look(20)).toBe(0)
})

it('is nothing before a first probe came through: a firewall may keep it out', async () => {
  expect(looks(49)).toBe(0)
  await accepted()
  expect(wait.look(20)).toBeGreaterThan(900)
})

it('grows to a second, and is asked anew', async () => {
  wait.look(20)
  await accepted()
  expect(looks(60)).toBeGreaterThan(1_000)
  expect(looks(300)).toBeLessThan(1_100)
  await accepted()
})

it('counts little of a time in which the process stood still', async () => {
  wait.look(20)
  await accepted()
  looks(6)
  expect(wait.look(3_600_000)).toBeLessThan(250)
  await accepted()
})

it('is not ended by somebody else’s connection', async () => {
  wait.look(20)
  await accepted()
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1')
  looks(10)
  await accepted()
  client.destroy()
  expect(wait.look(20)).toBe(120)
})

it('is nothing of a server that does not listen', async () => {
  const idle = new AcceptWait(createServer())
  for (let n = 0; n < 100; n++) expect(idle.look(20)).toBe(0)
  idle.close()
})
