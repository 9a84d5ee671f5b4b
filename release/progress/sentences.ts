import { agreed, counted } from '../spec/counted.ts';
import { shortUid } from '../fleet/identity.ts';
import { liveChangesText } from '../fleet/newcomers.ts';
import {
  excludedSentence,
  excludedServers,
  isHere,
  keptServers,
  lateServers,
  leftOut,
  leftOutSentence,
  namesOf,
} from './groups.ts';
import type { Release } from './table.ts';
import type { Halt } from './state.ts';

/** The result of a release, as a sentence for people. Every number in it is counted from the table. */
export function outcomeSentence(release: Release): string {
  const { back } = release.progress;
  if (back) return `${back.reason}; ${withdrawalSentence(release)}`;
  switch (release.plan.strategy) {
    case 'rolling':
      return rollingSuccess(release);
    case 'targeted':
      return targetedSuccess(release);
    case 'newServersOnly':
      return newServersSuccess(release);
  }
}

/** Adds what else went wrong; a reason that the text gives already is not said again. */
export function adding(text: string, what: string, reason: string): string {
  return `${text}; ${what}: ${text.includes(reason) ? 'the same reason' : reason}`;
}

/** `ann halted the releases: login is down` */
export function stoppedBy({ actor, reason }: Halt): string {
  return `${actor} halted the releases: ${reason}`;
}

function rollingSuccess(release: Release): string {
  const { plan, progress } = release;
  const excluded = excludedServers(release);
  const servers = plan.waves.flatMap((wave) => wave.servers).filter((server) => isHere(release, server));
  const proved = servers.filter(({ name }) => !excluded.has(name)).length;
  const all = excluded.size === 0 && progress.newcomers.notProved.length === 0;
  const who = all
    ? 'every server proves'
    : `${proved} of ${counted(servers.length, 'server')} ${agreed(proved, 'proves', 'prove')}`;
  return `${who} ${plan.version}${excludedSentence(release)}${comingsAndGoings(release)}`;
}

function targetedSuccess(release: Release): string {
  const { plan } = release;
  const excluded = excludedServers(release);
  const staying = plan.waves.flatMap(({ servers }) => servers).filter((server) => isHere(release, server));
  const chosen = staying.filter(({ name }) => !excluded.has(name)).length;
  return `${counted(chosen, 'chosen server')} ${agreed(chosen, 'proves', 'prove')} ${plan.version}${bystanders(release)}${excludedSentence(release)}${comingsAndGoings(release)}`;
}

/** Those that were not chosen and are not as they were at the plan are named: nobody has asked what they run. */
function bystanders({ plan, progress }: Release): string {
  const changed = plan.bystanders.filter(({ name }) => {
    const { server, away } = progress.rows.get(name) ?? {};
    return server !== undefined || away !== undefined;
  });
  const untouched = plan.bystanders.length - changed.length;
  const others = untouched === 0 ? '' : `; ${untouched} ${agreed(untouched, 'other was', 'others were')} not touched`;
  const names = namesOf(changed.map(({ name }) => name));
  return changed.length === 0 ? others : `${others}; not as they were, and not asked: ${names}`;
}

function newServersSuccess({ plan, progress }: Release): string {
  const { proved = [], gone = [] } = progress.newServers ?? {};
  const away = new Set(gone);
  const older = plan.bystanders.filter(({ uid }) => !away.has(shortUid(uid))).length;
  return `${counted(proved.length, 'new server')} ${agreed(proved.length, 'proves', 'prove')} ${plan.version}; ${counted(older, 'older server')} stayed as ${agreed(older, 'it was', 'they were')}`;
}

function comingsAndGoings({ progress }: Release): string {
  const names = (servers: readonly { readonly name: string }[]): string[] => servers.map(({ name }) => name);
  const gone = [...progress.rows].filter(([, { away }]) => away === 'gone').map(([name]) => name);
  const { proved, notProved } = progress.newcomers;
  return liveChangesText({ proved: names(proved), notProved: names(notProved), gone });
}

/** Somebody else's template may have moved chosen servers whose wave had not begun: of those nothing is known. */
function chosenServers({ plan, progress, state }: Release): string {
  const image = progress.foreign.seen?.image ?? plan.baseline.templateImage;
  const isElse = image !== plan.baseline.templateImage && state.waves.some(({ status }) => status === 'pending');
  return isElse ? 'the chosen servers of the waves that had begun' : 'the chosen servers';
}

function withdrawalSentence(release: Release): string {
  switch (release.plan.strategy) {
    case 'newServersOnly':
      return newServersBack(release);
    case 'targeted':
      return targetedBack(release);
    case 'rolling':
      return rollingBack(release);
  }
}

function newServersBack({ plan, progress }: Release): string {
  const names = progress.back?.staying ?? (progress.newServers?.proved ?? []).map(({ name }) => name);
  const stay =
    names.length === 0
      ? ''
      : `; ${counted(names.length, 'server')} ${agreed(names.length, 'stays', 'stay')} on ${plan.version}: ${names.slice(0, 20).join(', ')}`;
  return `new servers get ${plan.baseline.templateImage} again${stay}`;
}

function targetedBack(release: Release): string {
  const { plan, progress, state } = release;
  const { oldImage, templateImage } = plan.baseline;
  const proved = `${chosenServers(release)} prove ${plan.previousVersion}${leftOutSentence(release)}`;
  const stays = progress.back?.settled.overridesStay === true || oldImage !== templateImage;
  const hasBegun = state.waves.some(({ status }) => status !== 'pending');
  return stays && hasBegun
    ? `${proved}; they keep an override of ${oldImage}, because the template has another image`
    : proved;
}

function rollingBack(release: Release): string {
  const { plan, progress } = release;
  const { previousVersion, version } = plan;
  const adopted = keptServers(release);
  if (progress.back?.isNothing === true) return 'hotwave had written nothing, so every server stays as it is';
  const { notProved } = progress.newcomers;
  const late = liveChangesText({ proved: [], notProved: notProved.map(({ name }) => name), gone: [] });
  const apart = `${leftOutSentence(release)}${late}${progress.back?.byOverrides === true ? BY_OVERRIDES : ''}`;
  if (adopted.length === 0) {
    const unsure = leftOut(release).size + notProved.length + lateServers(release).length;
    const who = unsure > 0 ? 'all others prove' : 'every server proves';
    return `${who} ${previousVersion}${apart}`;
  }
  const names = namesOf(adopted.map(({ name }) => name));
  const keep = `${counted(adopted.length, 'server')} ${agreed(adopted.length, 'keeps', 'keep')} ${version} by ${agreed(adopted.length, 'its override', 'their overrides')}, as before the release: ${names}`;
  return `the others prove ${previousVersion}; ${keep}${apart}`;
}

const BY_OVERRIDES =
  '; they keep overrides, and the set controls stay, because the template has a change of somebody else';
