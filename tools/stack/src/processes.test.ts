import { spawn } from 'node:child_process'
import { once } from 'node:events'
import net from 'node:net'
import { expect, it, onTestFinished } from 'vitest'
import { gone, isOurs, MARK, portHolder } from './processes.ts'

async function sleeper(stateDir: string) {
  const child = spawn(process.execPath, ['-e', 'console.log("up"); setInterval(() => {}, 1000)'], {
    env: { [MARK]: stateDir },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  await once(child.stdout, 'data')
  return child
}

it('a process belongs to the stack whose directory it carries, to no other, and to none when it is gone', async () => {
  const child = await sleeper('/srv/one')
  const pid = child.pid as number
  expect(await isOurs(pid, '/srv/one')).toBe(true)
  expect(await isOurs(pid, '/srv/on')).toBe(false)
  expect(await isOurs(process.pid, '/srv/one')).toBe(false)
  expect(await gone(pid, '/srv/one', 100)).toBe(false)
  child.kill('SIGKILL')
  await once(child, 'exit')
  expect(await gone(pid, '/srv/one', 100)).toBe(true)
})

it('the holder of a port is named', async () => {
  const server = net.createServer().listen(0, '127.0.0.1')
  onTestFinished(() => void server.close())
  await once(server, 'listening')
  expect(await portHolder((server.address() as net.AddressInfo).port)).toContain(`(pid ${process.pid})`)
})
