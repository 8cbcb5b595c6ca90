/**
 * The bytes in memory of their own, for what is kept. What Node's pool gave, or a part of something larger, would keep
 * all of that, 64 KiB as a rule, as long as the smallest entry in it lives.
 */
export function owned(bytes: Buffer): Buffer {
  if (bytes.buffer.byteLength === bytes.length) return bytes
  const copy = Buffer.allocUnsafeSlow(bytes.length)
  bytes.copy(copy)
  return copy
}
