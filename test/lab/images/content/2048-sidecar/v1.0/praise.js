export const praise = 'You win!';
