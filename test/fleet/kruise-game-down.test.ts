import { afterAll, beforeAll, test } from 'vitest';
import { outlast } from '../support/controller-outage.ts';
import { FleetWorld } from '../support/fleet-world.ts';

let world: FleetWorld;

beforeAll(async () => {
  world = await FleetWorld.start();
});

afterAll(() => world.stop());

test('when kruise-game is away for a minute in the middle, each strategy goes on afterwards, and nothing is called done that is not', async () => {
  await outlast(world, 'kruise-game');
}, 300_000);
