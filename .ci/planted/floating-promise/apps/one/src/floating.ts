const late = async (): Promise<void> => {}

export function start(): void {
  late()
}
