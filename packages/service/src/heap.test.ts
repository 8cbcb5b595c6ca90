import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

/** A heap of some size is kept while 2 GB of chunks come and go; answers how often the whole of it was marked. */
const CHURN = `
  import { PerformanceObserver, constants } from 'node:perf_hooks'
  import { setImmediate as turn } from 'node:timers/promises'
  let marked = 0
  const seen = (list) => { for (const { detail } of list.getEntries()) if (detail.kind === constants.NODE_PERFORMANCE_GC_MAJOR) marked++ }
  const observer = new PerformanceObserver(seen)
  observer.observe({ entryTypes: ['gc'] })
  const kept = Array.from({ length: 200_000 }, (_, i) => ({ i }))
  for (let i = 0; i < 32_768; i++) {
    Buffer.allocUnsafeSlow(65_536)
    if (i % 64 === 0) await turn()
  }
  seen({ getEntries: () => observer.takeRecords() })
  console.log(marked + 0 * kept.length)
`

async function marked(...first: string[]): Promise<number> {
  const { stdout } = await promisify(execFile)(process.execPath, [
    '--input-type=module',
    '-e',
    first.join('\n') + CHURN,
  ])
  return Number(stdout)
}

it('has chunks that come and go be no reason to mark the whole heap', async () => {
  const heap = JSON.stringify(import.meta.resolve('./heap.ts'))
  const [without, counted] = await Promise.all([
    marked(),
    marked(`import { countBuffersWithHeap } from ${heap}`, 'countBuffersWithHeap()'),
  ])
  expect(without).toBeGreaterThan(8)
  expect(counted).toBeLessThan(without / 2)
})
