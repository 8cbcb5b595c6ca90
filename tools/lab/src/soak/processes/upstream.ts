/** An upstream of the soak: answers small and large, takes bodies and WebSockets; a `failing` one also does it badly. */
import http from 'node:http'

const [port, kind] = process.argv.slice(2)
/** Of the requests to a failing one, for each way of failing. Together too few for an ejection to last. */
const SHARE = 0.01
const ANSWERS: Record<string, Buffer> = { '/large': Buffer.alloc(200_000, 'x'), '/small': Buffer.alloc(128, 'x') }

const answer: http.RequestListener = (request, response) => {
  const body = ANSWERS[request.url ?? ''] ?? Buffer.from('{"status":"ready"}')
  const luck = kind === 'failing' && request.url !== '/ready' ? Math.random() / SHARE : Number.POSITIVE_INFINITY
  if (luck < 1) request.socket.resetAndDestroy()
  else if (luck < 2) response.writeHead(500).end('failed')
  else if (luck < 3) {
    response.writeHead(200, { 'content-length': body.length }).write(body.subarray(0, body.length / 2))
    setTimeout(() => response.destroy(), 5)
  } else request.resume().once('end', () => response.end(body))
}

http
  .createServer(answer)
  .on('upgrade', (_request, socket) => {
    socket.on('error', () => socket.destroy())
    socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n')
    socket.pipe(socket)
  })
  .listen(Number(port), '127.0.0.1', 1024)
