// What published packages declare: few dependencies in the money path, exact versions, one sentence for each in
// CONTRIBUTING.md, and one install script in the whole tree.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './modules.ts';

type Manifest = {
  name: string;
  license?: string;
  dependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
  workspaces?: string[];
};
const read = (path: string) => JSON.parse(readFileSync(join(root, path), 'utf8')) as Manifest;

const findings: string[] = [];
const top = read('package.json');
const manifests = ['package.json', ...(top.workspaces ?? []).map((folder) => `${folder}/package.json`)].map((path) => ({
  path,
  manifest: read(path),
}));
const contributing = readFileSync(join(root, 'CONTRIBUTING.md'), 'utf8');

for (const { path, manifest } of manifests) {
  if (manifest.license !== 'Apache-2.0') findings.push(`${path}: license must be Apache-2.0`);
  const { dependencies, optionalDependencies, devDependencies } = manifest;
  for (const [name, version] of Object.entries({ ...dependencies, ...optionalDependencies, ...devDependencies })) {
    if (!/^(npm:[@\w/-]+@)?\d+\.\d+\.\d+$/.test(version))
      findings.push(`${path}: ${name} must have an exact version, not ${version}`);
    if (!name.startsWith('@farthing/') && !name.startsWith('@types/') && !contributing.includes(`\`${name}\``)) {
      findings.push(`CONTRIBUTING.md does not say why ${name} is there (${path})`);
    }
  }
}

const vendor = manifests.find(({ manifest }) => manifest.name === '@farthing/vendor')?.manifest;
const own = Object.keys({ ...vendor?.dependencies, ...vendor?.optionalDependencies });
if (own.length === 0 || own.length > 5)
  findings.push(`@farthing/vendor has ${own.length} runtime dependencies; five is the most`);

type Locked = { hasInstallScript?: boolean; optional?: boolean; optionalDependencies?: Record<string, string> };
const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as { packages: Record<string, Locked> };
for (const [path, { hasInstallScript, optional, optionalDependencies }] of Object.entries(lock.packages)) {
  if (hasInstallScript && !optional && path !== 'node_modules/node') {
    findings.push(`${path} has an install script; only the package node may`);
  }
  // npm leaves out what the registry of the moment did not have, and then refuses to install from its own lock file.
  for (const name of Object.keys(optionalDependencies ?? {})) {
    const locked = Object.keys(lock.packages).some((key) => key.endsWith(`node_modules/${name}`));
    if (!locked) findings.push(`package-lock.json lacks ${name} of ${path}: npm ci fails without it`);
  }
}

for (const finding of findings) console.error(finding);
process.exit(findings.length === 0 ? 0 : 1);
