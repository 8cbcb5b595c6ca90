export const wide   =   [ 1,2 ];
