import { once } from 'node:events'
import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import { describe, expect, it } from 'vitest'
import { ReplayableBody } from './replayable.ts'

describe('a streamed body', () => {
  it('can be sent again from its first byte while it is still coming', async () => {
    const source = new PassThrough()
    const body = new ReplayableBody(source)
    const first = body.copy()
    source.write('one ')
    expect(String((await once(first, 'data'))[0])).toBe('one ')
    body.stop()
    source.end('two')
    expect(await text(body.copy())).toBe('one two')
  })

  it('is kept up to 64 kB and no further', async () => {
    const source = new PassThrough()
    const body = new ReplayableBody(source)
    const copy = body.copy()
    source.write(Buffer.alloc(65_536))
    await once(copy, 'data')
    expect(body.replayable).toBe(true)
    source.end('x')
    await once(copy, 'data')
    expect(body.replayable).toBe(false)
  })

  it('is forgotten when the answer has begun', () => {
    const body = new ReplayableBody(new PassThrough())
    body.settle()
    expect(body.replayable).toBe(false)
  })

  it('is read no faster than its copy is', async () => {
    const source = new PassThrough({ highWaterMark: 1_000 })
    const body = new ReplayableBody(source)
    const copy = body.copy()
    copy.read(0)
    let written = 0
    while (written < 10_000_000 && (source.write(Buffer.alloc(1_000)) || (await settled(source)))) written += 1_000
    expect(written).toBeLessThan(1_000_000)
    body.discard()
  })

  it('breaks its copy when it breaks itself, and cannot be sent again then', async () => {
    const source = new PassThrough()
    const body = new ReplayableBody(source)
    const copy = body.copy()
    const broken = new Error('the client is gone')
    source.destroy(broken)
    await expect(once(copy, 'close')).rejects.toBe(broken)
    expect(body.replayable).toBe(false)
  })

  it('is read away once the request is over', async () => {
    const source = new PassThrough()
    const body = new ReplayableBody(source)
    body.copy().read(0)
    body.discard()
    source.end(Buffer.alloc(1_000_000))
    await once(source, 'end')
  })
})

/** Whether a stream takes more within two turns of the event loop. */
async function settled(stream: PassThrough): Promise<boolean> {
  for (let turn = 0; turn < 2 && stream.writableNeedDrain; turn++) await new Promise((resolve) => setImmediate(resolve))
  return !stream.writableNeedDrain
}
