export function complex(a: number, b: number): number {
  let sum = 0
  for (let i = 0; i < a; i++) {
    if (i % 2 === 0) {
      for (let j = 0; j < b; j++) {
        if (j % 3 === 0) {
          if (i > j) sum += i
          else if (i < j) sum -= j
          else sum++
        }
      }
    }
  }
  return sum
}
