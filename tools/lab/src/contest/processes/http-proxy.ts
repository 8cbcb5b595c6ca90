/** @fastify/http-proxy as its manual shows it, over several upstreams in turn. */
import httpProxy from '@fastify/http-proxy'
import fastify from 'fastify'

const [port, ...origins] = process.argv.slice(2)
let turn = 0

const app = fastify({ logger: false })
app.register(httpProxy, {
  upstream: '',
  replyOptions: { getUpstream: () => origins[turn++ % origins.length] as string },
  // Its own 128 would make 512 clients stand in line.
  undici: { connections: 1024, pipelining: 1 },
})
await app.listen({ port: Number(port), host: '127.0.0.1', backlog: 1024 })
