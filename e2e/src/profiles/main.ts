// `npm run profiles`: what the original systems promised, one line each. Names as arguments choose among them.
import { profiles } from './index.ts';
import { perform } from './perform.ts';

const names = process.argv.slice(2);
const strange = names.filter((name) => !profiles.some((profile) => profile.name === name));
if (strange.length > 0) {
  console.error(`no profile ${strange.join(', ')}; there are: ${profiles.map(({ name }) => name).join(', ')}`);
  process.exit(2);
}

const width = Math.max(...profiles.map(({ name }) => name.length));
let failed = 0;
for (const profile of profiles) {
  if (names.length > 0 && !names.includes(profile.name)) continue;
  const { passed, says, ms, fault } = await perform(profile);
  const time = `${(ms / 1000).toFixed(1)} s`.padStart(6);
  console.log(`${profile.name.padEnd(width)}  ${passed ? 'passed' : 'FAILED'} ${time}  ${profile.after}: ${says}`);
  if (passed) continue;
  failed++;
  console.error(fault);
}
process.exitCode = failed > 0 ? 1 : 0;
