import { describe, expect, it } from 'vitest'
import { isAmbiguous, namedTarget } from './target.ts'

const HERE = '127.0.0.1:5000'

describe('what a request names beside its URL', () => {
  it.each([
    ['host', 'evil.example'],
    ['Host', `${HERE}:1337`],
    ['X-Forwarded-Host', 'evil.example'],
    ['x-forwarded-proto', 'https'],
    ['x-forwarded-scheme', 'nothttps'],
    ['x-forwarded-port', '1337'],
    ['x-forwarded-prefix', '/evil'],
    ['x-forwarded-server', 'evil.example'],
    ['x-host', 'evil.example'],
    ['x-http-host-override', 'evil.example'],
    ['x-original-url', '/admin'],
    ['x_original_url', '/admin'],
    ['x-original-host', 'evil.example'],
    ['X-Rewrite-URL', '/admin'],
    ['x-http-method-override', 'DELETE'],
    ['x-http-method', 'DELETE'],
    ['x-method-override', 'DELETE'],
    ['x-url-scheme', 'nothttp'],
    ['front-end-https', 'off'],
    ['forwarded', 'for=10.0.0.1;host="evil.example";proto=http'],
    ['forwarded', 'for=10.0.0.1;proto=https'],
  ])('%s: %s is part of it', (name, value) => {
    expect(namedTarget({ [name]: value }, HERE)).toBe(namedTarget([name, value], HERE))
    expect(namedTarget({ [name]: value }, HERE)).not.toBe('')
    expect(namedTarget({ [name]: value, accept: '*/*' }, HERE)).toBe(namedTarget({ [name]: value }, HERE))
    expect(namedTarget({ [name]: `${value}2` }, HERE)).not.toBe(namedTarget({ [name]: value }, HERE))
  })

  it('is nothing where a client calls this hop by its address, whoever he is', () => {
    const headers = (client: string) => ({
      forwarded: `for=${client};host="${HERE}";proto=http`,
      'x-forwarded-for': client,
      'x-forwarded-host': HERE,
      'x-forwarded-proto': 'http',
      'x-original-forwarded-for': client,
    })
    expect(namedTarget(headers('10.0.0.1'), HERE)).toBe('')
    expect(namedTarget(headers('"[::1]:80"'), HERE)).toBe('')
    expect(namedTarget(headers('10.0.0.1'), '127.0.0.1:5003')).toBe(namedTarget(headers('10.0.0.2'), '127.0.0.1:5003'))
    expect(namedTarget(headers('10.0.0.1'), '127.0.0.1:5003')).not.toBe('')
  })

  it('cannot be confused by what a field holds, or by which of two it is', () => {
    const targets = [
      { 'x-host': 'a","x-original-url","/b' },
      { 'x-host': 'a', 'x-original-url': '/b' },
      { 'x-host': 'a' },
      { 'x-forwarded-host': 'a' },
      { 'x-host': ['a', 'b'] },
      { 'x-host': 'a, b' },
    ].map((headers) => namedTarget(headers, HERE))
    expect(new Set(targets).size).toBe(targets.length)
    expect(targets.every((target) => !target.includes('\n'))).toBe(true)
  })
})

describe('a path that can be read in two ways', () => {
  it.each([
    ...['/me;x.css', '/me;/x.css', '/me\\x.css', '//me', '/a//b', '/./me', '/a/../me', '/a/..', '/a/.'],
    ...['/me%2fx.css', '/me%2Fx.css', '/me%5cx.css', '/me%3bx.css', '/me%00.css', '/me%0a.css', '/me%0D%0Ax', '/me%09'],
    ...['/me%23x.css', '/me%3fx.css', '/a/%2e%2e/me', '/a/.%2E/me', '/me%252fx.css', '/me%7f', '/me;?x=1'],
  ])('%s is one', (path) => {
    expect(isAmbiguous(path)).toBe(true)
  })

  it.each(['/', '/me', '/me.css', '/a/b.c/..d/...', '/%20%C3%A4', '/a:b@c,d=e!$&()*+~', '/me?a=;/../%2f%00\\'])(
    '%s is none',
    (path) => {
      expect(isAmbiguous(path)).toBe(false)
    },
  )
})
