import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Delivery } from './delivery.ts'
import type { Part } from './ranges.ts'
import { RunningAnswer } from './running-answer.ts'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
})
afterEach(() => vi.useRealTimers())

/** An answer of which 10 bytes may be kept. */
function running(headers: Record<string, string> = {}) {
  const told: string[] = []
  const answer = new RunningAnswer({ status: 200, headers, message: '' }, 10, {
    whole: (body) => void told.push(`whole ${body}`),
    outgrown: () => void told.push('outgrown'),
    broken: (error) => void told.push(`broken ${error.message}`),
  })
  const source = { held: false, aborted: undefined as string | undefined }
  answer.follow({
    pause: () => {
      source.held = true
    },
    resume: () => {
      source.held = false
    },
    abort: (reason) => {
      source.aborted = reason.message
    },
  })
  const data = (text: string) => answer.data(Buffer.from(text))
  return { answer, told, source, data, end: () => answer.end({}) }
}

function join(answer: RunningAnswer, { part, paused = false }: { part?: Part; paused?: boolean } = {}) {
  const seen = { text: '', ended: false, error: '', left: '' }
  const delivery = new Delivery({
    onResponseData: (_, chunk) => {
      seen.text += chunk
    },
    onResponseEnd: () => {
      seen.ended = true
    },
    onResponseError: (_, error) => {
      seen.error = error.message
    },
  })
  if (paused) delivery.pause()
  const left = (reason: Error) => {
    seen.left = reason.message
  }
  answer.join({ delivery, trailers: true, left, ...(part ? { part } : {}) })
  return { seen, delivery }
}

const big = 'x'.repeat(70_000)

describe('while it is collected', () => {
  it('gives each reader all of it, whenever he joins, and its collector the body', async () => {
    const { answer, told, data, end } = running()
    const first = join(answer)
    data('he')
    const second = join(answer)
    data('llo')
    end()
    const third = join(answer)
    for (const { seen } of [first, second, third]) expect(seen).toMatchObject({ text: 'hello', ended: true })
    expect(told).toEqual(['whole hello'])
    expect((await answer.body)?.toString()).toBe('hello')
  })

  it('has told its collector before the first reader sees the end', () => {
    const { answer, told, data, end } = running()
    let then: string[] = []
    const delivery = new Delivery({
      onResponseEnd: () => {
        then = [...told]
      },
    })
    answer.join({ delivery, trailers: true, left: () => {} })
    data('hello')
    end()
    expect(then).toEqual(['whole hello'])
  })

  it('is held back by nobody, and goes on without readers', () => {
    const { answer, told, source, data, end } = running()
    const { seen } = join(answer, { paused: true })
    answer.release()
    data('hello')
    expect(source.held).toBe(false)
    end()
    expect(told).toEqual(['whole hello'])
    expect(seen.text).toBe('')
  })

  it('gives a part to whoever wants no more, and lets him go at its end', () => {
    const { answer, data, end } = running()
    const middle = join(answer, { part: { first: 3, last: 6 } })
    data('01')
    data('2345')
    expect(middle.seen).toMatchObject({ text: '345', ended: false })
    data('6789')
    expect(middle.seen).toMatchObject({ text: '3456', ended: true, left: '' })
    end()
    expect(join(answer, { part: { first: 0, last: 0 } }).seen).toMatchObject({ text: '0', ended: true })
    expect(join(answer, { part: { first: 9, last: 9 } }).seen).toMatchObject({ text: '9', ended: true })
  })

  it('tells of a reader who leaves', () => {
    const { answer, data } = running()
    const { seen, delivery } = join(answer)
    data('he')
    delivery.abort(new Error('gone'))
    data('llo')
    expect(seen).toMatchObject({ text: 'he', left: 'gone' })
  })

  it.each([
    ['shorter', 'hell', /4 bytes long/],
    ['longer', 'hello!', /longer than its Content-Length, 5/],
  ])('breaks where it is %s than its Content-Length', async (_, text, error) => {
    const { answer, told, data, end } = running({ 'content-length': '5' })
    const { seen } = join(answer)
    data(text)
    end()
    expect(seen.error).toMatch(error)
    expect(seen.ended).toBe(false)
    expect(told).toEqual([`broken ${seen.error}`])
    await expect(answer.body).rejects.toThrow(error)
  })
})

describe('once it is longer than may be kept', () => {
  it('goes on to its readers, and nobody else can join', async () => {
    const { answer, told, data, end } = running()
    const { seen } = join(answer)
    data('0123456789a')
    expect(answer.open).toBe(true)
    data('b')
    expect(answer.open).toBe(false)
    end()
    expect(seen).toMatchObject({ text: '0123456789ab', ended: true })
    expect(told).toEqual(['outgrown'])
    expect(await answer.body).toBeUndefined()
  })

  it('waits for readers who were told of it and had no time to join', () => {
    const { answer, source, data, end } = running()
    data('0123456789a')
    data('b')
    expect(source).toEqual({ held: true, aborted: undefined })
    const readers = [join(answer), join(answer)]
    answer.release()
    expect(source.held).toBe(false)
    end()
    for (const { seen } of readers) expect(seen).toMatchObject({ text: '0123456789ab', ended: true })
  })

  it('is held back while much waits for the slowest reader', () => {
    const { answer, source, data } = running()
    const [fast, slow] = [join(answer), join(answer, { paused: true })]
    data('0123456789a')
    expect(source.held).toBe(false)
    data(big)
    expect(source.held).toBe(true)
    expect(fast.seen.text).toHaveLength(70_011)
    slow.delivery.resume()
    expect(source.held).toBe(false)
    expect(slow.seen.text).toHaveLength(70_011)
  })

  it('is rid of a reader who takes nothing for 5 s while another waits: his answer breaks', async () => {
    const { answer, source, data, end } = running()
    const [fast, stuck] = [join(answer), join(answer, { paused: true })]
    data(big)
    await vi.advanceTimersByTimeAsync(4999)
    expect(source.held).toBe(true)
    await vi.advanceTimersByTimeAsync(1)
    expect(stuck.seen).toMatchObject({ ended: false, error: expect.stringContaining('took nothing for 5000 ms') })
    expect(source.held).toBe(false)
    end()
    expect(fast.seen).toMatchObject({ text: big, ended: true })
  })

  it('has patience with a reader who takes something, and with one who keeps nobody waiting', async () => {
    const { answer, data } = running()
    const [fast, slow] = [join(answer), join(answer, { paused: true })]
    data(big)
    data(big)
    await vi.advanceTimersByTimeAsync(3000)
    const takeOne = slow.delivery
    takeOne.resume()
    takeOne.pause()
    data(big)
    await vi.advanceTimersByTimeAsync(3000)
    expect(slow.seen.error).toBe('')
    fast.delivery.abort(new Error('gone'))
    await vi.advanceTimersByTimeAsync(60_000)
    expect(slow.seen.error).toBe('')
  })

  it('is cancelled when its last reader leaves', () => {
    const { answer, source, data } = running()
    const readers = [join(answer), join(answer)]
    answer.release()
    data('0123456789a')
    for (const { delivery } of readers) delivery.abort(new Error('gone'))
    expect(source.aborted).toBe('nobody reads this answer any more')
  })
})

it('cancels what only passes once nobody will join, even before there is a request to cancel', () => {
  const { answer, source } = running()
  answer.pass()
  expect(source).toEqual({ held: true, aborted: undefined })
  answer.release()
  expect(source.aborted).toBe('nobody reads this answer any more')
})

/** One answer, and readers who come and go. */
class Play {
  readonly #running = running()
  readonly #readers: (ReturnType<typeof join> & { part: Part | undefined })[] = []
  #text = ''

  data(text: string) {
    if (this.#running.source.aborted !== undefined) return
    this.#text += text
    this.#running.data(text)
  }

  join(part: Part | undefined, paused: boolean) {
    const { answer } = this.#running
    if (answer.open && !answer.error) {
      this.#readers.push({ ...join(answer, { paused, ...(part ? { part } : {}) }), part })
    }
  }

  tell(whose: number, what: 'pause' | 'resume' | 'abort') {
    this.#readers[whose]?.delivery[what](new Error('gone'))
  }

  end(breaks: boolean) {
    if (breaks) this.#running.answer.fail(new Error('broke'))
    else this.#running.answer.end({})
    for (const { delivery } of this.#readers) delivery.resume()
  }

  answer(what: 'pass' | 'release') {
    this.#running.answer[what]()
  }

  check() {
    for (const { seen, part } of this.#readers) {
      const wanted = part ? this.#text.slice(part.first, part.last + 1) : this.#text
      expect(wanted.startsWith(seen.text)).toBe(true)
      expect(seen.ended).toBe(seen.error === '')
      if (seen.ended) expect(seen.text).toBe(wanted)
    }
    const [told, ...more] = this.#running.told
    expect(more).toEqual([])
    if (told?.startsWith('whole')) expect(told).toBe(`whole ${this.#text}`)
  }
}

it('gives every reader the whole, his part, or a break, whatever happens in what order', () => {
  const part = fc.option(
    fc.tuple(fc.nat(12), fc.nat(12)).map(([a, b]) => ({ first: Math.min(a, b), last: Math.max(a, b) })),
    { nil: undefined },
  )
  const text = fc.string({ minLength: 1, maxLength: 4, unit: 'grapheme-ascii' })
  const act = fc.oneof(
    text.map((bytes) => (play: Play) => play.data(bytes)),
    fc.tuple(part, fc.boolean()).map((asked) => (play: Play) => play.join(...asked)),
    fc.tuple(fc.nat(5), fc.constantFrom('pause', 'resume', 'abort')).map((told) => (play: Play) => play.tell(...told)),
    fc.constantFrom('pass', 'release').map((what) => (play: Play) => play.answer(what)),
  )
  const holds = (acts: ((play: Play) => void)[], breaks: boolean) => {
    const play = new Play()
    for (const each of acts) each(play)
    play.end(breaks)
    play.check()
  }
  fc.assert(fc.property(fc.array(act, { maxLength: 30 }), fc.boolean(), holds), { numRuns: 1000 })
})
