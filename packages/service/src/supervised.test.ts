import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { Supervised } from './supervised.ts'

/** Runs `script`; a service is ready when its log says "up". */
function service(script: string, { file = process.execPath, isTask = false } = {}) {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'spillway-service-'))
  const log = path.join(folder, 'log')
  const waiting: { what: RegExp; resolve: () => void }[] = []
  const made = new Supervised(
    {
      name: 'sample',
      log,
      command: { file, args: ['-e', script], env: {} },
      ...(isTask ? {} : { isReady: () => readFileSync(log, 'utf8').includes('up') }),
    },
    (_, what) => {
      for (const { resolve } of waiting.filter((each) => each.what.test(what))) resolve()
    },
  )
  onTestFinished(async () => {
    await made.stop({ insist: false, withinMs: 0 })
    rmSync(folder, { recursive: true })
  })
  const hears = (what: RegExp) => new Promise<void>((resolve) => waiting.push({ what, resolve }))
  return { made, hears }
}

const RUNNING = 'console.log("up"); setInterval(() => {}, 1000);'

it('that ends before it is ready is not started again, and the error has its last words', async () => {
  const { made } = service('console.error("no such database"); process.exit(3)')
  await expect(made.start()).rejects.toThrow(/sample ended before it was ready.*\n.*\n {2}no such database/)
  expect(made.restarts).toBe(0)
})

it('whose executable is missing says so', async () => {
  const { made } = service('', { file: '/nowhere/node' })
  await expect(made.start()).rejects.toThrow('ENOENT')
})

it('that is a task is ready when it ended well, and only then', async () => {
  await service('', { isTask: true }).made.start()
  await expect(service('process.exit(1)', { isTask: true }).made.start()).rejects.toThrow(/sample ended before/)
})

it('that dies is started again', async () => {
  const { made, hears } = service(RUNNING)
  await made.start()
  const { pid } = made
  const again = hears(/^ready/)
  process.kill(pid as number, 'SIGKILL')
  await again
  expect(made.restarts).toBe(1)
  expect(made.pid).not.toBe(pid)
})

it('that dies is started again also when the folder of its log was deleted', async () => {
  const { made, hears } = service(RUNNING)
  await made.start()
  rmSync(path.dirname(made.spec.log), { recursive: true })
  const again = hears(/^ready/)
  process.kill(made.pid as number, 'SIGKILL')
  await again
})

it('gets a signal once it is ready, and none of which it might die before', async () => {
  const { made, hears } = service(`process.on('SIGHUP', () => process.exit(5)); ${RUNNING}`)
  const started = made.start()
  expect(made.signal('SIGHUP')).toBe(false)
  await started
  const ended = hears(/ended \(code 5\)/)
  expect(made.signal('SIGHUP')).toBe(true)
  await ended
})

it('is gone when stop resolves, also while it waits for its next start', async () => {
  const { made, hears } = service(RUNNING)
  await made.start()
  const waits = hears(/starting again/)
  process.kill(made.pid as number, 'SIGKILL')
  await waits
  await made.stop({ insist: false, withinMs: 1000 })
  expect(made.restarts).toBe(0)
})

it('that drains on the first signal is sent the second when stop insists', async () => {
  const { made } = service(`let asked = 0; process.on('SIGTERM', () => ++asked === 2 && process.exit(0)); ${RUNNING}`)
  await made.start()
  await made.stop({ insist: true, withinMs: 60_000 })
})

it('that is asked twice in a moment hears the second, too', async () => {
  const { made } = service(`let asked = 0; process.on('SIGTERM', () => ++asked === 2 && process.exit(0)); ${RUNNING}`)
  await made.start()
  const stopped = made.stop({ insist: false, withinMs: 60_000 })
  made.hurry()
  await stopped
})

it('that does not obey is killed in time', async () => {
  const { made, hears } = service(`process.on('SIGTERM', () => {}); ${RUNNING}`)
  await made.start()
  const killed = hears(/stopped \(SIGKILL\)/)
  await made.stop({ insist: true, withinMs: 300 })
  await killed
})
