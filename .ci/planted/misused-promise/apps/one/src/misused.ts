const late = async (): Promise<boolean> => true

export function answer(): number {
  if (late()) return 1
  return 0
}
