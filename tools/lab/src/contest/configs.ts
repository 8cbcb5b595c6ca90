/** What nginx and HAProxy are told: one process on one core, connections kept, nothing written for a request. */
import type { Fixed } from './fixed.ts'

export interface Place {
  /** On 127.0.0.1. */
  readonly port: number
  /** Such as `http://127.0.0.1:5000`. */
  readonly upstreams: readonly string[]
}

/** As many as a client opens, and as Spillway's own pools may. */
const CONNECTIONS = 1024
/** nginx closes a connection after 1,000 requests unless told otherwise; a contender would be measured connecting. */
const NEVER = 1_000_000_000

/**
 * In one process that has no master, so that its processor time is that of one process id. Bodies wait in memory and
 * never in files, or the disk would be measured. Paths are relative to the folder that it is started with.
 */
const nginx = (http: readonly string[]) =>
  `${[
    'daemon off;',
    'master_process off;',
    'pid nginx.pid;',
    'error_log stderr error;',
    `worker_rlimit_nofile ${8 * CONNECTIONS};`,
    `events { worker_connections ${4 * CONNECTIONS}; }`,
    'http {',
    ...[
      'access_log off;',
      'default_type text/plain;',
      ...['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((kind) => `${kind}_temp_path ${kind};`),
      'keepalive_timeout 75s;',
      `keepalive_requests ${NEVER};`,
      ...http,
    ].map((line) => `  ${line}`),
    '}',
  ].join('\n')}\n`

/**
 * Round robin, as it is where nothing else is said.
 * @param judging whether a server that answers 500 is passed over for 30 s after five times, and its request sent again
 */
export function nginxProxy({ port, upstreams }: Place, judging = false): string {
  return nginx([
    'upstream contest {',
    ...upstreams.map((origin) => `  server ${new URL(origin).host}${judging ? ' max_fails=5 fail_timeout=30s' : ''};`),
    `  keepalive ${CONNECTIONS};`,
    `  keepalive_requests ${NEVER};`,
    '}',
    'server {',
    `  listen 127.0.0.1:${port} backlog=${CONNECTIONS};`,
    '  location / {',
    '    proxy_pass http://contest;',
    '    proxy_http_version 1.1;',
    '    proxy_set_header Connection "";',
    '    proxy_max_temp_file_size 0;',
    ...(judging ? ['    proxy_next_upstream error timeout http_500;'] : []),
    '  }',
    '}',
  ])
}

/** Upstreams that always answer the same. What is larger than a line of configuration stands in files. */
export function nginxFixed(ports: readonly number[], answers: readonly Fixed[]): string {
  return nginx([
    'sendfile on;',
    'tcp_nopush on;',
    'open_file_cache max=100;',
    'open_file_cache_valid 1h;',
    'server {',
    ...ports.map((port) => `  listen 127.0.0.1:${port} backlog=${CONNECTIONS};`),
    '  root .;',
    '  location = /ready { return 200 "ready"; }',
    ...answers
      .filter(({ inFile }) => !inFile)
      .map((answer) => `  location = ${answer.path} { return 200 "${answer.body}"; }`),
    '}',
  ])
}

/**
 * Its servers are checked as Spillway checks its own.
 * @param judging whether a server that answers 5xx five times in a row is down until it passes its checks again
 */
export function haproxy({ port, upstreams }: Place, balance: 'roundrobin' | 'leastconn', judging = false): string {
  return `${[
    'global',
    '  nbthread 1',
    `  maxconn ${4 * CONNECTIONS}`,
    'defaults',
    '  mode http',
    '  timeout connect 5s',
    '  timeout client 75s',
    '  timeout server 15s',
    '  option http-keep-alive',
    '  http-reuse always',
    'frontend contest',
    `  bind 127.0.0.1:${port} backlog ${CONNECTIONS}`,
    '  default_backend upstreams',
    'backend upstreams',
    `  balance ${balance}`,
    '  option httpchk GET /ready',
    ...(judging ? ['  default-server observe layer7 error-limit 5 on-error mark-down'] : []),
    ...upstreams.map((origin, index) => `  server upstream${index + 1} ${new URL(origin).host} check inter 2s`),
  ].join('\n')}\n`
}
