import { describe, expect, it } from 'vitest'
import { appended, createHop, namedByConnection, reservedField } from './hop.ts'

const options = { dispatcher: undefined as never, origin: 'http://db' }

describe('a hop’s name', () => {
  it('is a token where it can be, and quoted where a structured field forbids that', () => {
    expect(createHop({ ...options, name: 'gateway-1' })).toMatchObject({ name: 'gateway-1', via: '1.1 gateway-1' })
    expect(createHop({ ...options, name: '7th' })).toMatchObject({ name: '"7th"', via: '1.1 7th' })
  })
})

describe('Connection', () => {
  it.for([undefined, 'keep-alive', 'close'])('%s names no field', (value) => {
    expect(namedByConnection(value)).toBeUndefined()
  })

  it('names fields in any case, between spaces, on several lines', () => {
    expect(namedByConnection('Keep-Alive , X-A')).toEqual(['keep-alive', 'x-a'])
    expect(namedByConnection(['close', 'X-A'])).toEqual(['close', 'x-a'])
  })
})

describe('a list', () => {
  it('grows at its end', () => {
    expect(appended(undefined, 'b')).toBe('b')
    expect(appended('', 'b')).toBe('b')
    expect(appended(['a', 'c'], 'b')).toBe('a,c, b')
  })
})

describe('a field that nobody may set or remove', () => {
  it.for(['Connection', 'TE', 'Host', 'Content-Length', 'transfer-encoding', 'Via', 'Proxy-Anything', 'X-Request-Id'])(
    'is %s',
    (name) => expect(reservedField(name)).toBe(true),
  )

  it.for(['X-Tenant', 'Authorization', 'Cookie', 'Set-Cookie', 'Server', 'proxied'])('is not %s', (name) => {
    expect(reservedField(name)).toBe(false)
  })
})
