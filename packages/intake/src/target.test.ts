import { describe, expect, it } from 'vitest'
import { target } from './target.ts'

describe('the target of a request', () => {
  const headers = { host: 'a' }

  it.for([
    ['/x//y/../%7e?z=http://b/', '/x//y/../%7e?z=http://b/', 'a'],
    ['http://b', '/', 'b'],
    ['http://b:81/x@y?z', '/x@y?z', 'b:81'],
    ['HTTPS://b?z=1', '/?z=1', 'b'],
    ['http://b?u@c', '/?u@c', 'b'],
  ])('%s is %s at %s', ([url, path, authority]) => {
    expect(target({ url: url as string, headers })).toEqual({ path, authority })
  })

  it.for(['*', 'x', 'ftp://b/', 'http:///x', 'http://u@b/x', 'http://u:p@b/'])('%s is none', (url) => {
    expect(target({ url, headers })).toBeUndefined()
  })
})
