/** Services as processes of their own, which a test may kill: their log is read line by line, and they end with the test. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { request } from 'undici'
import { expect, onTestFinished } from 'vitest'

/** Its first log lines and addresses once it is ready, or its end. `files`: how many it may have open. */
export async function start(script: URL, environment: Record<string, string>, { files }: { files?: number } = {}) {
  const limited = files === undefined ? [] : ['sh', '-c', `ulimit -n ${files}; exec "$0" "$@"`]
  const [command = '', ...args] = [...limited, process.execPath, fileURLToPath(script)]
  const child: ChildProcess = spawn(command, args, {
    env: {
      PATH: process.env['PATH'],
      NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'],
      PORT: '0',
      ...environment,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const lines: Record<string, unknown>[] = []
  let complaint = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    complaint += text
  })
  const ready = Promise.withResolvers<string[]>()
  createInterface(child.stdout as NodeJS.ReadableStream).on('line', (line) => {
    const entry = JSON.parse(line) as Record<string, unknown>
    lines.push(entry)
    if (entry['msg'] === 'ready') ready.resolve(entry['urls'] as string[])
  })
  const ended = (once(child, 'close') as Promise<[number | null]>).then(([code]) => ({ code, complaint }))
  const urls = await Promise.race([ready.promise, ended.then(() => [])])
  return { child, urls, lines, ended }
}

const UPSTREAM = new URL('./upstream.ts', import.meta.url)

/** An upstream that is ready, and that can be killed and started again at the same port. */
export async function upstreamProcess() {
  let running = await start(UPSTREAM, {})
  const origin = running.urls[0] ?? ''
  const signal = (name: NodeJS.Signals) => running.child.kill(name)
  const end = async (name: NodeJS.Signals) => {
    signal(name)
    return (await running.ended).code
  }
  const startAgain = async () => {
    running = await start(UPSTREAM, { PORT: new URL(origin).port })
    expect(running.urls).toEqual([origin])
  }
  return { origin, signal, end, startAgain }
}

/** What the balancer's operators read: how many of its upstreams are usable, and its resident memory in bytes. */
export async function measured(adminUrl: string): Promise<{ usable: number; memory: number }> {
  const text = await (await request(`${adminUrl}/metrics`)).body.text()
  return {
    usable: text.match(/^spillway_upstream_available\{.*\} 1$/gm)?.length ?? 0,
    memory: Number(/^process_resident_memory_bytes (\S+)/m.exec(text)?.[1]),
  }
}
