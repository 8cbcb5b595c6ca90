import { describe, expect, it } from 'vitest'
import { Delivery, type Source } from './delivery.ts'

/** A handler that writes down what it gets, and does what a test wants at each event. */
function reader(at: Partial<Record<string, (delivery: Delivery) => void>> = {}) {
  const seen: string[] = []
  const see = (event: string, delivery: unknown) => {
    seen.push(event)
    at[event.split(' ', 1)[0] as string]?.(delivery as Delivery)
  }
  const delivery = new Delivery({
    onRequestStart: (controller) => see('request', controller),
    onResponseStart: (controller, status) => see(`head ${status}`, controller),
    onResponseData: (controller, chunk) => see(`data ${chunk}`, controller),
    onResponseEnd: (controller) => see('end', controller),
    onResponseError: (controller, error) => see(`error ${error.message}`, controller),
  })
  return { seen, delivery }
}

function source() {
  const calls: string[] = []
  const told: Source = {
    pause: () => void calls.push('pause'),
    resume: () => void calls.push('resume'),
    abort: (reason) => void calls.push(`abort ${reason.message}`),
  }
  return { calls, told }
}

const one = Buffer.from('1')
const two = Buffer.from('2')

describe('a delivery', () => {
  it('hands on what comes, in order', () => {
    const { seen, delivery } = reader()
    delivery.start(200, {})
    delivery.data(one)
    delivery.end({})
    expect(seen).toEqual(['request', 'head 200', 'data 1', 'end'])
  })

  it('keeps data and end while the reader pauses, and holds back its source', () => {
    const { seen, delivery } = reader({ head: (delivery) => delivery.pause() })
    const { calls, told } = source()
    delivery.start(200, {})
    delivery.follow(told)
    delivery.data(one)
    delivery.data(two)
    delivery.end({})
    expect(seen).toEqual(['request', 'head 200'])
    expect(calls).toEqual(['pause'])
    delivery.resume()
    expect(seen).toEqual(['request', 'head 200', 'data 1', 'data 2', 'end'])
  })

  it('stops in the midst of what it kept when the reader pauses again, and ends once however it is resumed', () => {
    const { seen, delivery } = reader({ data: (delivery) => delivery.pause() })
    delivery.start(200, {})
    delivery.data(one)
    delivery.data(two)
    delivery.end({})
    expect(seen).toEqual(['request', 'head 200', 'data 1'])
    delivery.resume()
    expect(seen).toEqual(['request', 'head 200', 'data 1', 'data 2'])
    delivery.resume()
    delivery.resume()
    expect(seen.slice(4)).toEqual(['end'])
  })

  it('lets its source go on once nothing kept is left', () => {
    const { delivery } = reader()
    const { calls, told } = source()
    delivery.follow(told)
    delivery.pause()
    delivery.data(one)
    delivery.resume()
    expect(calls).toEqual(['resume', 'pause', 'resume'])
  })

  it('cancels its source and tells the reader once when he aborts, and nothing after', () => {
    const { seen, delivery } = reader()
    const { calls, told } = source()
    delivery.follow(told)
    delivery.abort(new Error('gone'))
    delivery.abort(new Error('again'))
    delivery.start(200, {})
    delivery.data(one)
    delivery.end({})
    delivery.fail(new Error('late'))
    expect(seen).toEqual(['request', 'error gone'])
    expect(calls).toEqual(['resume', 'abort gone'])
    expect(delivery).toMatchObject({ aborted: true, reason: { message: 'gone' } })
  })

  it('cancels a source that comes after the reader has gone', () => {
    const { delivery } = reader({ request: (delivery) => delivery.abort(new Error('gone')) })
    const { calls, told } = source()
    delivery.follow(told)
    expect(delivery.over).toBe(true)
    expect(calls).toEqual(['abort gone'])
  })

  it('makes what the handler throws its request’s error', () => {
    for (const event of ['request', 'head', 'data', 'end']) {
      const { seen, delivery } = reader({
        [event]: () => {
          throw new Error('thrown')
        },
      })
      delivery.start(200, {})
      delivery.data(one)
      delivery.end({})
      expect(seen.at(-1)).toBe('error thrown')
      expect(seen.filter((each) => each.startsWith('error'))).toHaveLength(1)
    }
  })
})
