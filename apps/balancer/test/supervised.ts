/** A balancer with a supervisor above it, as processes, and clients that ask it without a pause. */
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import https from 'node:https'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { expect, onTestFinished } from 'vitest'
import { gateway, main } from './world.ts'

type Line = Record<string, unknown>

export interface Supervised {
  supervisor: ChildProcess
  url: string
  /** Of the process that serves. */
  pid: () => number
  lines: readonly Line[]
  /** How many log lines say so. */
  count: (msg: string | RegExp) => number
  /** Resolves when there are `times` lines that say so. */
  logged: (msg: string | RegExp, times?: number) => Promise<void>
  /** Asks for a hand-over and resolves when the new process accepts. */
  handOver: () => Promise<void>
  ended: Promise<{ code: number | null }>
}

/** Nothing of it is left when the test has finished. */
export async function supervised(environment: Record<string, string>): Promise<Supervised> {
  const { child: supervisor, lines, url, ended } = await main({ SUPERVISED: '1', ...environment })
  onTestFinished(async () => {
    supervisor.kill('SIGKILL')
    const isAlive = (pid: number) => signal(pid, 0)
    // Each has written a line, or waits for its turn and ends with its supervisor.
    const pids = new Set([...lines.map(({ pid }) => pid as number), ...mentioned()])
    for (const pid of pids) signal(pid, 'SIGKILL')
    await expect.poll(() => [...pids].filter(isAlive)).toEqual([])
  })
  const said = (pattern: string | RegExp) =>
    lines.filter(({ msg }) => (typeof pattern === 'string' ? msg === pattern : pattern.test(String(msg))))
  const mentioned = () =>
    lines.flatMap(({ msg }) => [...String(msg).matchAll(/process (\d+)/g)].map(([, pid]) => Number(pid)))
  const logged = (msg: string | RegExp, times = 1) =>
    expect.poll(() => said(msg).length, { interval: 10, timeout: 20_000 }).toBeGreaterThanOrEqual(times)
  if (url) await logged('balancer ready')
  return {
    supervisor,
    url,
    pid: () => said('ready').at(-1)?.['pid'] as number,
    lines,
    count: (msg) => said(msg).length,
    logged,
    async handOver() {
      const before = said('balancer ready').length
      supervisor.kill('SIGUSR2')
      await logged('balancer ready', before + 1)
    },
    ended,
  }
}

export function signal(pid: number, name: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, name)
  } catch {
    return false
  }
}

/** One request over a connection of the agent's; rejects at anything but a whole answer with 200. */
export function get(
  url: string,
  agent: http.Agent,
  path = '/',
): Promise<{ text: string; headers: http.IncomingHttpHeaders }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ text: string; headers: http.IncomingHttpHeaders }>()
  const ask = url.startsWith('https') ? https.get : http.get
  ask(`${url}${path}`, { agent, rejectUnauthorized: false }, async (answer) => {
    try {
      let text = ''
      for await (const chunk of answer) text += chunk
      if (answer.statusCode === 200) resolve({ text, headers: answer.headers })
      else reject(new Error(`${answer.statusCode} ${text}`))
    } catch (error) {
      reject(error)
    }
  }).on('error', reject)
  return promise
}

/** What a client does between two requests, so that its connection is idle at times, and a new process gets to start. */
const PAUSE_MS = 10

/** As many clients again that keep their connections as open a new one for each request; they go on until stopped. */
export function load(url: string, clients: number) {
  const { Agent } = url.startsWith('https') ? https : http
  const kinds = { kept: new Agent({ keepAlive: true }), fresh: new Agent({ keepAlive: false }) }
  const answered = { kept: 0, fresh: 0 }
  const failures: string[] = []
  let stopped = false
  const client = async (kind: keyof typeof kinds) => {
    while (!stopped) {
      try {
        await get(url, kinds[kind])
        answered[kind]++
      } catch (error) {
        failures.push(`${kind}: ${error}`)
      }
      await delay(PAUSE_MS)
    }
  }
  const all = Array.from({ length: clients }, () => [client('kept'), client('fresh')]).flat()
  return {
    failures,
    answered,
    async stop() {
      stopped = true
      await Promise.all(all)
      kinds.kept.destroy()
    },
  }
}

/** A connection that has been made; what comes over it, and its end. */
export async function open(url: string): Promise<{ socket: Socket; came: () => string; closed: Promise<unknown> }> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  let came = ''
  socket.on('data', (chunk) => {
    came += chunk
  })
  socket.on('error', () => {})
  const closed = once(socket, 'close')
  onTestFinished(() => void socket.destroy())
  await once(socket, 'connect')
  return { socket, came: () => came, closed }
}

/** An upstream; while `isHanging` no check of it is answered, which keeps a new balancer from being prepared. */
export async function upstream(answer: http.RequestListener = (_, response) => response.end('hello')) {
  const state = { isHanging: false }
  const { server, origin } = await gateway(answer)
  const [listener] = server.listeners('request') as http.RequestListener[]
  server.removeAllListeners('request')
  server.on('request', (request, response) => {
    if (!(state.isHanging && request.url === '/ready')) listener?.(request, response)
  })
  return { origin, server, state }
}

/** A file that holds this. */
export function fileOf(text: string): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'spillway-handover-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const file = path.join(folder, 'file')
  writeFileSync(file, text)
  return file
}
