export const theme = 'day';
export const texts = { won: '2048! Keep going.', over: 'No moves left. One more round?' };
