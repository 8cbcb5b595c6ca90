export function read(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new Error('unreadable')
  }
}
