/** What one gateway tells all: on the wire a purge of a key that no entry has. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ScriptedService, until } from './scripted-service.ts'

let service: ScriptedService
const heard: string[] = []
let missed = 0

beforeEach(async () => {
  heard.length = 0
  missed = 0
  service = new ScriptedService()
  await service.start({ listener: { heard: (text) => void heard.push(text), missed: () => void missed++ } })
})
afterEach(() => service.close())

describe('telling', () => {
  it('is done when the service says that all have confirmed', async () => {
    let done = false
    const told = service.client.tell?.('the news').then(() => {
      done = true
    })
    const { body, response } = await service.next('POST purge')
    expect(JSON.parse(body)).toEqual({ keys: ['told:the news'] })
    expect(done).toBe(false)
    response.writeHead(204).end()
    await told
  })

  it('is heard before it is confirmed, in its order, and nothing else is taken for it', async () => {
    const before = service.confirmed.length
    await service.say({ seq: 2, keys: ['told:one', 'GET\nhttp://a/told:', 'told:two'] })
    expect(service.confirmed.slice(before)).toEqual([2])
    expect(heard).toEqual(['one', 'two'])
    await service.say({ seq: 3, tags: ['told:three'] })
    await service.say({ seq: 4, all: true })
    expect(heard).toEqual(['one', 'two'])
  })

  it('may have been missed whenever a session begins', async () => {
    expect(missed).toBe(1)
    service.cut()
    await until(() => service.sessions === 2 && service.client.state.live)
    expect(missed).toBe(2)
  })
})
