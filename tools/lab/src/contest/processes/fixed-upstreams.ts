/** Upstreams that always answer the same, in one process, where there is no nginx to be them. */
import http from 'node:http'
import { ANSWERS } from '../fixed.ts'

const answers = new Map(ANSWERS.map(({ path, body }) => [path, Buffer.from(body)]))
answers.set('/ready', Buffer.from('ready'))

for (const port of process.argv.slice(2)) {
  const server = http.createServer((request, response) => {
    const answer = answers.get(request.url ?? '')
    // A body is taken whole before it is answered.
    request.resume().once('end', () => {
      if (answer) response.writeHead(200, { 'content-type': 'text/plain', 'content-length': answer.length }).end(answer)
      else response.writeHead(404).end()
    })
  })
  server.keepAliveTimeout = 75_000
  server.listen(Number(port), '127.0.0.1', 1024)
}
