// `npm test`: every test, first those without a browser, then the broker's on PostgreSQL, then those with real browsers and processes.
// Ends with one line that counts them all. Arguments after `--` go to Vitest, e.g. a file's name.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const PROJECTS = ['unit', 'postgres', 'e2e'];
const [first = '', ...rest] = process.argv.slice(2);
const chosen = PROJECTS.includes(first) ? [first] : PROJECTS;
const filters = chosen.length === 1 ? rest : process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), 'farthing-test-'));

let passed = 0;
let failed = 0;
for (const project of chosen) {
  const report = join(folder, `${project}.json`);
  const { status } = spawnSync(
    process.execPath,
    [
      join(root, 'node_modules/vitest/vitest.mjs'),
      'run',
      '--project',
      project,
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${report}`,
      ...(filters.length > 0 ? ['--passWithNoTests', ...filters] : []),
    ],
    { cwd: root, stdio: 'inherit' },
  );
  try {
    const { numPassedTests, numFailedTests, numFailedTestSuites } = JSON.parse(readFileSync(report, 'utf8')) as Record<
      string,
      number
    >;
    passed += numPassedTests ?? 0;
    // A file that cannot even be loaded has no failed test, and is a failure all the same.
    failed += Math.max(
      numFailedTests ?? 0,
      status === 0 ? 0 : 1,
      (numFailedTests ?? 0) === 0 ? (numFailedTestSuites ?? 0) : 0,
    );
  } catch {
    failed += 1;
  }
}
rmSync(folder, { recursive: true });
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 && passed > 0 ? 0 : 1);
