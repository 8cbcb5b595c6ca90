import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { Progress } from './progress.ts'

beforeEach(() => vi.useFakeTimers())
afterEach(() => vi.useRealTimers())

function recorded(answer: () => Promise<boolean>) {
  const written: number[] = []
  const lost = vi.fn()
  const progress = new Progress((fraction) => {
    written.push(fraction)
    return answer()
  }, lost)
  return { progress, written, lost }
}

it('writes the newest of what it is told, twice a second, and nothing twice', async () => {
  const { progress, written } = recorded(async () => true)
  for (let step = 1; step <= 100; step++) {
    progress.tell(step / 200)
    await vi.advanceTimersByTimeAsync(10)
  }
  await vi.advanceTimersByTimeAsync(2000)
  expect(written).toEqual([0.25, 0.5])
  progress.close()
})

it('never goes back nor beyond 1', async () => {
  const { progress, written } = recorded(async () => true)
  for (const fraction of [0.5, 0.1, Number.NaN, 7]) {
    progress.tell(fraction)
    await vi.advanceTimersByTimeAsync(500)
  }
  expect(written).toEqual([0.5, 1])
  progress.close()
})

it('writes again what could not be written, and one thing at a time', async () => {
  const answers = [Promise.withResolvers<boolean>(), Promise.withResolvers<boolean>()]
  let asked = 0
  const { progress, written } = recorded(() => (answers[asked++] as (typeof answers)[0]).promise)
  progress.tell(0.5)
  await vi.advanceTimersByTimeAsync(5000)
  expect(written).toEqual([0.5])
  answers[0]?.reject(new Error('away'))
  await vi.advanceTimersByTimeAsync(500)
  expect(written).toEqual([0.5, 0.5])
  answers[1]?.resolve(true)
  progress.close()
})

it('says so when the job is not ours any more, and is silent once closed', async () => {
  const { progress, written, lost } = recorded(async () => false)
  progress.tell(0.5)
  await vi.advanceTimersByTimeAsync(500)
  expect(lost).toHaveBeenCalledOnce()
  progress.close()
  progress.tell(0.7)
  await vi.advanceTimersByTimeAsync(5000)
  expect(written).toEqual([0.5])
})
