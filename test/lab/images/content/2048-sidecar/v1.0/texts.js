import { praise } from './praise.js';

export const theme = 'day';
export const texts = { won: praise, over: 'Game over!' };
