// Keeps the table "Who may import whom" of ARCHITECTURE.md. Each rule: files it speaks of, and what they may name.
import { importsOf, isTest, reachedFrom, sourceFiles } from './modules.ts';

/** `types`: what may be named in `import type` besides, because it leaves no trace in the code. */
type Rule = { name: string; files: RegExp; may: RegExp; not?: RegExp; types?: RegExp };

const method = '(scrip|payword|ecash|cheque)';
const rules: Rule[] = [
  { name: 'core knows no method', files: /^protocol\/src\/core\//, may: /^(\.\/|@noble\/|@scure\/|valibot$)/ },
  {
    name: 'a role knows its own wire and the core, no other role and no other method',
    files: new RegExp(`^protocol/src/${method}/[^/]+$`),
    may: /^(\.\/(?!(wallet|vendor|broker)(\.ts|\/))|\.\.\/core\/|@noble\/|@scure\/|valibot$)/,
  },
  {
    name: 'a part of a role knows its own role, what the method shares, and the core',
    files: new RegExp(`^protocol/src/${method}/(wallet|vendor|broker)/`),
    may: /^(\.\/|\.\.\/(?!(wallet|vendor|broker)(\.ts|\/)|\.\.)|\.\.\/\.\.\/core\/|@noble\/|@scure\/|valibot$)/,
  },
  {
    name: 'the kit of Node hosts knows the protocol only',
    files: /^node-kit\//,
    may: /^(\.\/|node:|@opentelemetry\/api$|@farthing\/protocol$)/,
  },
  {
    name: 'the engine runs in browsers: Node is under src/node',
    files: /^wallet\/src\/(?!node\/)/,
    may: /^(\.\.?\/|valibot$|@noble\/|@scure\/|@farthing\/protocol(\/wallet)?$)/,
    not: /\/node\//,
  },
  {
    name: 'the command line knows the engine and Node',
    files: /^wallet\/src\/node\//,
    may: /^(\.\.?\/|node:|qr$|valibot$|@farthing\/(protocol(\/wallet)?|node-kit)$)/,
  },
  {
    name: 'the middleware knows the vendor’s half only',
    files: /^vendor-middleware\/src\//,
    may: /^(\.\.?\/|node:|on-headers$|express$|pg$|@redis\/client$|valibot$|@opentelemetry\/api$|@farthing\/(protocol(\/vendor)?|node-kit(\/telemetry)?)$)/,
  },
  {
    name: 'the broker knows the broker’s half only',
    files: /^broker\/src\//,
    may: /^(\.\.?\/|node:|express$|pg$|valibot$|@valibot\/|@simplewebauthn\/server$|@opentelemetry\/|@farthing\/(protocol(\/broker)?|node-kit(\/telemetry)?)$)/,
  },
  {
    name: 'one file of the broker sends figures: the others know the API alone',
    files: /^broker\/src\/(?!telemetry\/otlp\.ts)/,
    may: /^(?!@opentelemetry\/)|^@opentelemetry\/api$/,
  },
  {
    name: 'only one file names the extension API',
    files: /^extension\/src\/(?!browser\.ts)/,
    may: /^(?!webextension-polyfill)/,
  },
  {
    name: 'the extension uses the wallet as a library',
    files: /^extension\/src\//,
    may: /^(?!node:|@farthing\/(broker|vendor|node-kit)|@farthing\/protocol\/(vendor|broker))/,
  },
  {
    name: 'screens know no method, network or key',
    files: /^extension\/src\/screens\//,
    may: /^(?!@farthing\/wallet$|@farthing\/protocol\/|\.\.\/background\/)/,
    types: /^@farthing\/wallet$/,
  },
];

/** Code that must not travel with a published package. */
const parcels = [
  {
    entry: 'vendor-middleware/src/index.ts',
    without:
      /^(wallet|broker|extension)\/|^protocol\/src\/(wallet|broker)\.ts|^protocol\/src\/\w+\/(wallet|broker)(\.ts|\/)|\/testing\//,
  },
  {
    entry: 'wallet/src/index.ts',
    without:
      /^(vendor-middleware|broker|node-kit|extension)\/|^protocol\/src\/(vendor|broker)\.ts|^protocol\/src\/\w+\/(vendor|broker)(\.ts|\/)|\/testing\//,
  },
  {
    entry: 'broker/src/index.ts',
    without: /^(vendor-middleware|wallet|extension)\/|^protocol\/src\/(vendor|wallet)\.ts|\/testing\//,
  },
];

const findings: string[] = [];
for (const path of sourceFiles().filter((file) => !isTest(file))) {
  for (const rule of rules.filter(({ files }) => files.test(path))) {
    for (const { name, typeOnly } of importsOf(path)) {
      if (typeOnly && rule.types?.test(name)) continue;
      if (!rule.may.test(name) || rule.not?.test(name)) findings.push(`${path} imports ${name}: ${rule.name}`);
    }
  }
}
for (const { entry, without } of parcels) {
  const reached = reachedFrom(entry);
  // Every parcel speaks the protocol: one that seems not to was not followed, and would pass for the wrong reason.
  if (!reached.has('protocol/src/index.ts')) findings.push(`${entry}: its imports could not be followed`);
  for (const path of reached) if (without.test(path)) findings.push(`${entry} carries ${path}`);
}
for (const finding of findings) console.error(finding);
process.exit(findings.length === 0 ? 0 : 1);
