// `npm test`: every test, first those without a browser, then the broker's on PostgreSQL, then those with real browsers and processes.
// Ends with what failed and why, and one line that counts them all. Arguments after `--` go to Vitest, e.g. a file's name.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Tally } from './tally.ts';

const root = join(import.meta.dirname, '..');
const PROJECTS = ['unit', 'postgres', 'e2e'];
const [first = '', ...rest] = process.argv.slice(2);
const chosen = PROJECTS.includes(first) ? [first] : PROJECTS;
const filters = chosen.length === 1 ? rest : process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), 'farthing-test-'));

let passed = 0;
const failures: { project: string; name: string; why: string }[] = [];
for (const project of chosen) {
  const report = join(folder, `${project}.json`);
  const { status } = spawnSync(
    process.execPath,
    [
      '--conditions=farthing-source',
      join(root, 'node_modules/vitest/vitest.mjs'),
      'run',
      '--project',
      project,
      '--reporter=default',
      `--reporter=${join(root, 'scripts/tally.ts')}`,
      ...(filters.length > 0 ? ['--passWithNoTests', ...filters] : []),
    ],
    { cwd: root, stdio: 'inherit', env: { ...process.env, FARTHING_TALLY: report } },
  );
  try {
    const tally = JSON.parse(readFileSync(report, 'utf8')) as Tally;
    passed += tally.passed;
    failures.push(...tally.failures.map((failure) => ({ project, ...failure })));
    if (status !== 0 && tally.failures.length === 0)
      failures.push({ project, name: 'Vitest', why: `ended with ${status}, though no test failed` });
  } catch {
    failures.push({ project, name: 'Vitest', why: `ended with ${status}, without a report` });
  }
}
rmSync(folder, { recursive: true });
for (const { project, name, why } of failures)
  console.log(`\nFAILED (${project}) ${name}\n${why.replaceAll(/^/gm, '  ')}`);
console.log(`${passed} passed, ${failures.length} failed`);
process.exit(failures.length === 0 && passed > 0 ? 0 : 1);
