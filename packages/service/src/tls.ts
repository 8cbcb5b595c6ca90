/** A server's certificate and key, read from files and read again when these change, without a restart. */
import { readFileSync, unwatchFile, watchFile } from 'node:fs'
import type { Server } from 'node:https'
import { createSecureContext } from 'node:tls'
import type { Logger } from 'pino'

/** Paths of PEM files. */
export interface TlsFiles {
  /** The certificate, and after it those that vouch for it. */
  readonly cert: string
  readonly key: string
}

/** Looking is the one way that notices a replaced file, a moved link and a volume of Kubernetes' alike. */
const LOOK_EVERY_MS = 1_000
const HANDSHAKE_WITHIN_MS = 10_000

/** What `https.createServer` is to be told. @throws {Error} naming the files, where they cannot be read or do not fit */
export function tlsOptions(files: TlsFiles) {
  return {
    ...readPair(files),
    // HTTP/2 is not spoken here; nobody is to be told otherwise.
    ALPNProtocols: ['http/1.1'],
    handshakeTimeout: HANDSHAKE_WITHIN_MS,
  }
}

/** New connections get what the files hold now; what cannot be used is logged, and the old pair stays. Returns what ends it. */
export function followFiles(server: Server, files: TlsFiles, logger: Logger): () => void {
  const reload = () => {
    try {
      server.setSecureContext(readPair(files))
      logger.info({ cert: files.cert }, 'the certificate is read again')
    } catch (error) {
      // Most often one of the two files is written and the other not yet: the next change brings us here again.
      logger.error({ err: error }, 'the new certificate cannot be used; the old one stays')
    }
  }
  const paths = [files.cert, files.key]
  for (const file of paths) watchFile(file, { interval: LOOK_EVERY_MS }, reload)
  return () => {
    for (const file of paths) unwatchFile(file, reload)
  }
}

function readPair({ cert, key }: TlsFiles): { cert: Buffer; key: Buffer } {
  try {
    const pair = { cert: readFileSync(cert), key: readFileSync(key) }
    // Says whether they are PEM, and belong together.
    createSecureContext(pair)
    return pair
  } catch (error) {
    throw new Error(`${cert} and ${key} are no certificate and its key: ${(error as Error).message}`, { cause: error })
  }
}
