export const theme = 'night';
