import { once } from 'node:events'
import { MessageChannel } from 'node:worker_threads'
import { afterEach, expect, it, vi } from 'vitest'
import { patience } from './patience.ts'

afterEach(() => vi.useRealTimers())

it('is over when its time is, unless it was stopped', () => {
  vi.useFakeTimers()
  const [late, stopped] = [vi.fn(), vi.fn()]
  patience(250, late)
  const stop = patience(250, stopped)
  vi.advanceTimersByTime(249)
  expect(late).not.toHaveBeenCalled()
  stop()
  vi.advanceTimersByTime(1000)
  expect(late).toHaveBeenCalledOnce()
  expect(stopped).not.toHaveBeenCalled()
})

it('hears what came in time, however long this process was busy itself', async () => {
  const { port1, port2 } = new MessageChannel()
  const late = vi.fn()
  const stop = patience(20, late)
  port1.postMessage('an answer')
  const until = performance.now() + 100
  while (performance.now() < until);
  await once(port2, 'message')
  stop()
  port1.close()
  expect(late).not.toHaveBeenCalled()
})
