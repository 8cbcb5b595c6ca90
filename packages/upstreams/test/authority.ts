/** An authority of the test's own, and the certificates that it gives. */
import { isIP } from 'node:net'
import { generate } from 'selfsigned'

export interface Pair {
  readonly cert: string
  readonly key: string
}

const HOUR = 3_600_000

export async function authority(name = 'an authority') {
  const { cert, private: key } = await generate([{ name: 'commonName', value: name }], {
    keyType: 'ec',
    algorithm: 'sha256',
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, digitalSignature: true },
    ],
  })
  /** For a name or an address, good from an hour ago until `hours` from now. */
  const give = async (to: string, hours = 1): Promise<Pair> => {
    const given = await generate([{ name: 'commonName', value: to }], {
      keyType: 'ec',
      algorithm: 'sha256',
      ca: { cert, key },
      notBeforeDate: new Date(Date.now() - 48 * HOUR),
      notAfterDate: new Date(Date.now() + hours * HOUR),
      extensions: [
        { name: 'basicConstraints', cA: false },
        { name: 'subjectAltName', altNames: [isIP(to) === 0 ? { type: 2, value: to } : { type: 7, ip: to }] },
      ],
    })
    return { cert: given.cert, key: given.private }
  }
  return { ca: cert, give }
}
