// Plays scenes, each in a town of its own.
import type { Profile, Scene } from './profile.ts';
import { Town } from './town.ts';

export async function play({ broker }: Pick<Profile, 'broker'>, scene: Scene): Promise<void> {
  await using town = await Town.open(broker);
  await scene.play(town);
  await town.mustBalance();
}

export type Outcome = {
  readonly passed: boolean;
  readonly says: string;
  readonly ms: number;
  readonly fault?: unknown;
};

/** All scenes of a profile, to the first that is not as it must be. */
export async function perform(profile: Profile): Promise<Outcome> {
  const startMs = performance.now();
  const passed = () => ({ ms: performance.now() - startMs });
  for (const scene of [...profile.works, ...profile.fails]) {
    try {
      await play(profile, scene);
    } catch (fault) {
      return { passed: false, says: scene.says, fault, ...passed() };
    }
  }
  return { passed: true, says: summary(profile), ...passed() };
}

function summary({ works, fails }: Profile): string {
  const list = (scenes: readonly Scene[]) => scenes.map(({ says }) => says).join('; ');
  return `${list(works)}. Refused: ${list(fails)}`;
}
