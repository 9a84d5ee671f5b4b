import { texts, theme } from './texts.js';

const size = 4;
const board = document.getElementById('board');
let score = 0;
let cells = Array.from({ length: size * size }, () => 0);

const lines = {
  ArrowLeft: (line, step) => line * size + step,
  ArrowRight: (line, step) => line * size + size - 1 - step,
  ArrowUp: (line, step) => step * size + line,
  ArrowDown: (line, step) => (size - 1 - step) * size + line,
};

/** Slides one line towards its start; each tile merges at most once per move. */
function slide(tiles) {
  const slid = [];
  let mergeable = false;
  for (const tile of tiles.filter(Boolean)) {
    if (mergeable && slid.at(-1) === tile) {
      slid[slid.length - 1] = tile * 2;
      score += tile * 2;
      mergeable = false;
    } else {
      slid.push(tile);
      mergeable = true;
    }
  }
  return [...slid, ...Array.from({ length: size - slid.length }, () => 0)];
}

function moved(direction) {
  const at = lines[direction];
  const next = [...cells];
  for (let line = 0; line < size; line += 1) {
    const places = Array.from({ length: size }, (_, step) => at(line, step));
    const tiles = slide(places.map((place) => cells[place]));
    places.forEach((place, step) => (next[place] = tiles[step]));
  }
  return next;
}

function addTile() {
  const free = cells.flatMap((tile, place) => (tile === 0 ? [place] : []));
  cells[free[Math.floor(Math.random() * free.length)]] = Math.random() < 0.9 ? 2 : 4;
}

function isOver() {
  const before = score;
  const stuck = Object.keys(lines).every((direction) => moved(direction).every((tile, place) => tile === cells[place]));
  score = before;
  return stuck;
}

function show() {
  board.replaceChildren(
    ...cells.map((tile) => Object.assign(document.createElement('div'), { textContent: tile || '' })),
  );
  document.getElementById('score').value = score;
  document.getElementById('message').textContent = isOver() ? texts.over : cells.includes(2048) ? texts.won : '';
}

addEventListener('keydown', (event) => {
  if (!(event.key in lines)) return;
  event.preventDefault();
  const next = moved(event.key);
  if (next.every((tile, place) => tile === cells[place])) return;
  cells = next;
  addTile();
  show();
});

document.body.dataset.theme = theme;
document.getElementById('version').value = await (await fetch('/version')).text();
addTile();
addTile();
show();
