/** Plans one cluster: puts what the files hold that it names, certificates and a policy, in the places of their names. */
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { type Mistake, mistake, type Path } from '@spillway/service'
import { loadPolicy, type PolicyName } from '@spillway/upstreams'
import type { ClusterPlan } from './plan.ts'
import { isFile } from './rules.ts'
import type { ClusterSource } from './schema.ts'

interface Surroundings {
  /** Where relative names begin. */
  readonly folder: string
  /** The cluster's place in the file. */
  readonly at: Path
  /** Takes what is wrong with those files. */
  readonly mistakes: Mistake[]
}

/** Of a source whose shape is right. */
export async function planCluster(source: ClusterSource, { folder, at, mistakes }: Surroundings): Promise<ClusterPlan> {
  const wrong = (keys: Path, message: string) => void mistakes.push(mistake([...at, ...keys], message))
  const read = <T>(keys: Path, name: string | undefined, parse: (text: string) => T) => {
    if (name === undefined) return undefined
    try {
      const text = readFileSync(path.resolve(folder, name), 'utf8')
      return { text, parsed: parse(text) }
    } catch (error) {
      wrong(keys, `is ${JSON.stringify(name)}, which cannot be used: ${(error as Error).message}`)
      return undefined
    }
  }

  const { hash, policy, tls: files = {}, ...rest } = source
  const ca = read(['tls', 'ca'], files.ca, (text) => new X509Certificate(text))
  const cert = read(['tls', 'cert'], files.cert, (text) => new X509Certificate(text))
  const key = read(['tls', 'key'], files.key, createPrivateKey)
  if ((files.cert === undefined) !== (files.key === undefined)) {
    wrong(['tls'], 'has one of cert and key; a certificate of one’s own needs both')
  }
  if (cert && key && !cert.parsed.checkPrivateKey(key.parsed)) wrong(['tls', 'key'], 'does not belong to cert')
  const texts = { ...(ca && { ca: ca.text }), ...(cert && { cert: cert.text }), ...(key && { key: key.text }) }
  const tls = source.tls && { tls: { ...files, ...texts } }
  if (policy === undefined || !isFile(policy)) {
    const options = { ...rest, ...tls, ...(policy && { policy: policy as PolicyName }) }
    return { source: { ...source, ...tls }, options }
  }
  const text = read(['policy'], policy, (code) => code)?.text ?? ''
  const own = await loadPolicy(policy, folder).catch((error: Error) => {
    if (text !== '') wrong(['policy'], error.message)
    return undefined
  })
  return { source: { ...source, ...tls, ownPolicy: text }, options: { ...rest, ...tls, ...(own && { policy: own }) } }
}
