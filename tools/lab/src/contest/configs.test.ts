import { describe, expect, it } from 'vitest'
import { haproxy, nginxFixed, nginxProxy } from './configs.ts'
import { ANSWERS } from './fixed.ts'

const PLACE = { port: 8123, upstreams: ['http://127.0.0.1:5001', 'http://127.0.0.1:5002'] }

it('both leave a server alone that fails, where they are told to judge', () => {
  expect(nginxProxy(PLACE, true)).toMatch(
    /5001 max_fails=5 fail_timeout=30s;[^}]*\}[\s\S]*proxy_next_upstream .*http_500;/,
  )
  expect(nginxProxy(PLACE)).not.toMatch(/max_fails|proxy_next_upstream/)
  expect(haproxy(PLACE, 'leastconn', true)).toContain('observe layer7 error-limit 5 on-error mark-down')
  expect(haproxy(PLACE, 'leastconn')).not.toContain('observe')
})

describe('nginx', () => {
  it('forwards to every upstream on connections that it keeps, and writes nothing', () => {
    const config = nginxProxy(PLACE)
    for (const line of ['server 127.0.0.1:5001;', 'server 127.0.0.1:5002;', 'listen 127.0.0.1:8123 backlog=1024;']) {
      expect(config).toContain(line)
    }
    expect(config).toMatch(/upstream contest \{[^}]*keepalive 1024;/)
    expect(config).toContain('proxy_http_version 1.1;')
    expect(config).toContain('proxy_set_header Connection "";')
    expect(config).toContain('access_log off;')
  })

  it('is one process that stays in the foreground', () => {
    for (const config of [nginxProxy(PLACE), nginxFixed([5001], ANSWERS)]) {
      expect(config).toContain('daemon off;')
      expect(config).toContain('master_process off;')
    }
  })

  it('has short answers in its configuration and long ones in files', () => {
    const config = nginxFixed([5001, 5002], ANSWERS)
    expect(config.match(/listen /g)).toHaveLength(2)
    expect(config).toContain(`location = /small { return 200 "${'x'.repeat(128)}"; }`)
    expect(config).not.toContain('/1MB')
    expect(Math.max(...config.split('\n').map(({ length }) => length))).toBeLessThan(4096)
  })
})

it('HAProxy has one thread, balances as it is told, and checks its servers', () => {
  const config = haproxy(PLACE, 'leastconn')
  expect(config).toContain('nbthread 1')
  expect(config).toContain('balance leastconn')
  expect(config).toContain('server upstream2 127.0.0.1:5002 check')
  expect(haproxy(PLACE, 'roundrobin')).toContain('balance roundrobin')
})
