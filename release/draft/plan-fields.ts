import { imageTag, readImageReference } from '../spec/image-reference.ts';
import type { DraftChoices } from './choose.ts';
import { flow } from './field.ts';
import type { Field } from './field.ts';
import type { SetDescription } from './set-description.ts';

/** The set. */
export function targetField({ set, initContainers }: SetDescription): Field {
  const init =
    initContainers.length === 0 ? [] : [`Init containers (${initContainers.join(', ')}) are not updated in place.`];
  return { said: init, name: 'target', value: { namespace: set.namespace, gameServerSet: set.name } };
}

/** The strategy that suits the update strategy of the set. */
export function strategyFields({ updateType, podUpdatePolicy, set }: SetDescription): Field[] {
  if (updateType === 'OnDelete')
    return [
      {
        said: [
          'The set updates nothing by itself (OnDelete): servers that run keep what they have, new ones get the new image.',
          'To update those that run as well: rolling, with waves.',
        ],
        name: 'strategy',
        value: 'newServersOnly',
      },
      { said: ['How long new servers are waited for and proved.'], name: 'newServers', value: { watch: '1h' } },
    ];
  if (podUpdatePolicy.startsWith('InPlace')) return [];
  return [
    {
      said: [
        `The set recreates pods (podUpdatePolicy ${podUpdatePolicy}): plan refuses this release until it updates in place:`,
        `kubectl patch gameserverset ${set.name} -n ${set.namespace} --type merge -p '{"spec":{"updateStrategy":{"rollingUpdate":{"podUpdatePolicy":"InPlaceIfPossible"}}}}'`,
      ],
    },
  ];
}

/** The container with its image, and the version where its tag is none. */
export function imageFields(seen: SetDescription, { container, because, image: wanted }: DraftChoices): Field[] {
  const current = seen.containers.find(({ name }) => name === container)?.image ?? '';
  const image = wanted ?? current;
  const reference = readImageReference(image);
  const isPinned = reference !== undefined && (reference.tag ?? reference.digest) !== undefined;
  const said =
    wanted === undefined || wanted === current
      ? 'This image runs now, so nothing moves yet: put the new one here.'
      : `The new image; ${current} runs now.`;
  const field: Field = {
    said: [
      `Container ${container} is updated: ${because}.`,
      isPinned ? said : 'The image that runs has no tag and no digest: put the new one here.',
    ],
    name: 'images',
    value: { [container]: isPinned ? image : '' },
  };
  const version = isPinned ? versionField(seen, image) : [];
  return [
    isPinned ? field : { ...field, choices: [`images: { ${container}: registry.example/sidecar:v2.0 }`] },
    ...version,
  ];
}

/** The tag is the version where nothing says otherwise. */
function versionField({ earlier }: SetDescription, image: string): Field[] {
  const tag = imageTag(image);
  const recorded = earlier?.versions[image];
  if (recorded !== undefined && recorded !== tag)
    return [
      {
        said: [`What content check and proof must echo: ${earlier?.release ?? ''} has released this image as it.`],
        name: 'version',
        value: recorded,
      },
    ];
  if (tag !== '') return [];
  return [
    {
      said: ['An image by its digest alone has no tag: what do content check and proof echo?'],
      name: 'version',
      value: '',
      choices: ["version: 'v2.0'"],
    },
  ];
}

/** Up to this many servers, two waves are enough. */
const SMALL = 20;

/** Waves by the size of the set, and a gate after the first one. */
export function waveFields({ replicas, updateType, opsStates, priorities }: SetDescription): Field[] {
  if (updateType === 'OnDelete') return [];
  const waves = replicas <= 1 ? ['rest'] : replicas <= SMALL ? [1, 'rest'] : [1, '5%', '25%', 'rest'];
  const states = Object.entries(opsStates).map(([state, count]) => `${count} ${state}`);
  const group = Object.keys(opsStates).find((state) => state !== 'None');
  return [
    {
      said: [
        'Servers that move together: numbers, shares of all, named groups. The last wave is rest.',
        ...(states.length > 0 ? [`opsState now: ${states.join(', ')}.`] : []),
        ...(group === undefined
          ? []
          : [`Such servers first: waves: [{ name: first, opsState: ${flow([group])} }, rest]`]),
        ...(priorities > 1
          ? [`The servers have ${priorities} updatePriorities; a wave for each: waves: { by: updatePriority }`]
          : []),
      ],
      name: 'waves',
      value: waves,
    },
    { said: ['How many servers may be without their sidecar at once.'], name: 'maxUnavailable', value: '10%' },
    ...(waves.length > 1
      ? [
          {
            said: ['A person approves before wave 2. Without this line nobody is asked.'],
            name: 'gates',
            value: [{ before: 2 }],
          },
        ]
      : []),
  ];
}

/** Bake and failures. */
export function failureFields({ updateType }: SetDescription): Field[] {
  return [
    {
      said: ['How long the health of a wave is sampled before the next one.'],
      name: 'bake',
      value: '1m',
      isAside: true,
    },
    ...(updateType === 'OnDelete'
      ? []
      : [
          {
            said: ['A failed server takes the release back; pause waits for a person instead.'],
            name: 'onFailure',
            value: { then: 'rollback' },
          },
        ]),
  ];
}
