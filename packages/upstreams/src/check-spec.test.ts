import { describe, expect, it } from 'vitest'
import { type CheckSpec, wanted } from './check-spec.ts'

describe('an answer is good', () => {
  it.each<[CheckSpec, number, string]>([
    [{}, 200, ''],
    [{}, 299, 'anything'],
    [{ status: [401] }, 401, ''],
    [{ status: ['200-299', 304, '404'] }, 404, ''],
    [{ body: 'ok' }, 200, 'all ok here'],
    [{ body: /^ok$/m }, 200, 'first\nok\nlast'],
  ])('by %o: %i %s', (spec, status, body) => {
    expect(wanted(spec).complaint(status, body)).toBeUndefined()
  })

  it('as often as it comes, whatever flags the expression has', () => {
    const sticky = wanted({ body: /ok/gy })
    for (let time = 0; time < 3; time++) expect(sticky.complaint(200, 'ok')).toBeUndefined()
  })
})

describe('the complaint about an answer', () => {
  it.each<[CheckSpec, number, string, string]>([
    [{}, 404, '', 'check answered 404; 200-299 wanted'],
    [{}, 304, '', 'check answered 304; 200-299 wanted'],
    [{ status: [200, '401-403'] }, 404, '', 'check answered 404; 200, 401-403 wanted'],
    [{ body: 'ok' }, 200, 'no', `check's body has no "ok"`],
    [{ body: 'ok' }, 500, 'ok', 'check answered 500; 200-299 wanted'],
    [{ body: /^ok$/i }, 200, 'okay', `check's body has no /^ok$/i`],
    [{ body: 'long'.repeat(100) }, 200, 'no', `check's body has no "${'long'.repeat(15)}"`],
  ])('by %o: %i %s is %s', (spec, status, body, complaint) => {
    expect(wanted(spec).complaint(status, body)).toBe(complaint)
  })
})

describe('a check that cannot be', () => {
  it.each<[CheckSpec, string]>([
    [{ path: 'ready' }, 'check.path is ready; it must begin with /'],
    [{ path: '/is ready' }, 'check.path is /is ready; it must begin with / and have no space'],
    [{ path: '/a#b' }, 'check.path is /a#b; it must'],
    [{ path: '/a\r\nx: y' }, 'have no space'],
    [{ status: [] }, 'check.status is []; it must have a status or more; leave it out for 200-299'],
    [{ status: [101] }, 'check.status is 101; it must be from 200 to 599, or a range of these such as 200-299'],
    [{ status: ['2xx'] }, 'check.status is 2xx; it must'],
    [{ status: ['299-200'] }, 'check.status is 299-200; it must'],
    [{ status: ['200-600'] }, 'check.status is 200-600; it must'],
    [{ port: 0 }, 'check.port is 0; it must be a whole number from 1 to 65535'],
    [{ port: 80.5 }, 'check.port is 80.5; it must'],
    [{ body: '' }, 'check.body is a text of 0 bytes; it must be of 1 to 65536 bytes; leave it out for any body'],
    [{ body: 'é'.repeat(40_000) }, 'check.body is a text of 80000 bytes'],
    [{ headers: { 'bad name': 'x' } }, 'check.headers has "bad name": Header name must be a valid HTTP token'],
    [{ headers: { a: 'b\r\nc: d' } }, 'check.headers has "a": Invalid character in header content'],
    [
      { headers: { Connection: 'keep-alive' } },
      "check.headers has Connection, which is the connection's; leave it out",
    ],
  ])('%o is refused: %s', (spec, message) => {
    expect(() => wanted(spec)).toThrow(TypeError)
    expect(() => wanted(spec)).toThrow(message)
  })
})
