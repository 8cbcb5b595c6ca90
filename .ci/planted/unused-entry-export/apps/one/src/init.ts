export const nobodyAsks = 1
