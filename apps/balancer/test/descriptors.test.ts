/** The balancer without a file descriptor left: it waits, lives, and serves again when there are some. */
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { setTimeout as after } from 'node:timers/promises'
import { Agent, request } from 'undici'
import { expect, it, onTestFinished } from 'vitest'
import { echo, gateway, main } from './world.ts'

/** Processor time that a process has used, in milliseconds; Linux alone tells it this way. */
function processorMs(pid = 0): number {
  const [, fields = ''] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')
  const [user = 0, system = 0] = fields.split(' ').slice(11, 13).map(Number)
  return (user + system) * 10
}

/** What a client gets on a connection of its own. */
async function status(url: string): Promise<number | 'none'> {
  const agent = new Agent({ connections: 1 })
  try {
    const { statusCode, body } = await request(url, { dispatcher: agent, headersTimeout: 2_000 })
    await body.dump()
    return statusCode
  } catch {
    return 'none'
  } finally {
    await agent.destroy()
  }
}

it.skipIf(process.platform !== 'linux')(
  'neither dies nor spins, and answers as before when clients leave',
  {
    timeout: 60_000,
  },
  async () => {
    const { origin } = await gateway(echo)
    const { url, child, ended, lines } = await main({ SPILLWAY_UPSTREAMS: origin }, { files: 100 })
    await expect.poll(() => status(url)).toBe(200)

    const { port, hostname } = new URL(url)
    const crowd = new Set<Socket>()
    const answers: string[] = []
    const leave = () => {
      for (const socket of crowd) socket.destroy()
    }
    onTestFinished(leave)
    for (let i = 0; i < 300; i++) {
      const socket = connect(Number(port), hostname).on('error', () => {})
      crowd.add(socket.once('close', () => crowd.delete(socket)))
      socket.once('data', (head) => answers.push(String(head).slice(9, 12)))
      await Promise.race([once(socket, 'connect'), once(socket, 'close')])
    }
    await expect.poll(() => crowd.size).toBeLessThan(100)
    await expect.poll(() => status(url)).toBe('none')

    const [used, since] = [processorMs(child.pid), performance.now()]
    await after(1_000)
    expect(processorMs(child.pid) - used).toBeLessThan((performance.now() - since) / 2)

    // Those who are in ask all at once: there is one connection to the upstream, and none can be added.
    for (const socket of crowd) socket.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n')
    await expect.poll(() => answers.length).toBe(crowd.size)
    expect(new Set(answers)).toEqual(new Set(['200', '503']))

    leave()
    await expect.poll(() => status(url), { timeout: 20_000 }).toBe(200)
    // Its own want was not held against the upstream.
    expect(lines.filter(({ msg }) => msg === 'upstream changed')).toMatchObject([{ from: 'starting', to: 'up' }])
    child.kill('SIGTERM')
    await expect.poll(() => lines.some(({ msg }) => msg === 'draining')).toBe(true)
    child.kill('SIGTERM')
    expect(await ended).toEqual({ code: 0, complaint: '' })
  },
)
