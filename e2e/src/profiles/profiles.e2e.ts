// The scenes of `npm run profiles`, as tests.
import { describe, test } from 'vitest';
import { profiles } from './index.ts';
import { play } from './perform.ts';

for (const profile of profiles) {
  describe(`${profile.name}, after ${profile.after}`, () => {
    test.for(profile.works)('works: $says', (scene) => play(profile, scene));
    test.for(profile.fails)('fails: $says', (scene) => play(profile, scene));
  });
}
