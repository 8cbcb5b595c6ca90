/** The least that can be called a proxy in Node: node:http in front, one undici dispatch behind, bodies streamed both ways. */
import http, { type IncomingHttpHeaders } from 'node:http'
import { Pool } from 'undici'

const [port, ...origins] = process.argv.slice(2)
const pools = origins.map((origin) => new Pool(origin, { connections: 1024, pipelining: 1 }))
let turn = 0

http
  .createServer((request, response) => {
    const body = request.headers['content-length'] ?? request.headers['transfer-encoding']
    const pool = pools[turn++ % pools.length] as Pool
    pool.dispatch(
      {
        path: request.url as string,
        method: request.method as 'GET',
        headers: passed(request.headers),
        body: body === undefined ? null : request,
      },
      {
        onRequestStart(controller) {
          response.once('close', () => response.writableFinished || controller.abort(new Error('the client went away')))
        },
        onResponseStart(_controller, status, headers) {
          response.writeHead(status, passed(headers))
        },
        onResponseData(controller, chunk) {
          if (response.write(chunk)) return
          controller.pause()
          response.once('drain', () => controller.resume())
        },
        onResponseEnd() {
          response.end()
        },
        onResponseError() {
          if (response.headersSent) response.destroy()
          else response.writeHead(502).end()
        },
      },
    )
  })
  .listen(Number(port), '127.0.0.1', 1024)

/** Without those that are about one connection alone. */
function passed(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  const { connection: _, 'keep-alive': _hint, 'transfer-encoding': _framing, ...rest } = headers
  return rest
}
