// A reporter for Vitest: writes how many tests passed and what failed, with the reason, to the file named by FARTHING_TALLY,
// so that the end of a long run says which test failed and why.
import { writeFileSync } from 'node:fs';
import type { Reporter, SerializedError, TestModule } from 'vitest/node';

export interface Tally {
  readonly passed: number;
  readonly failures: readonly { readonly name: string; readonly why: string }[];
}

/** Long enough for an assertion with its place, short enough for the end of a log. */
const WHY = 1_500;

const why = (errors: readonly { readonly message?: string; readonly stack?: string }[]): string =>
  errors
    .map((error) => {
      const message = error.message ?? 'no message';
      const stack = error.stack ?? '';
      return stack.includes(message) ? stack : `${message}\n${stack}`;
    })
    .join('\n')
    .split('\n')
    .filter((line) => !/^\s+at .*(node_modules\/|node:|<anonymous>)/.test(line))
    .join('\n')
    .slice(0, WHY);

const tally = (modules: readonly TestModule[], unhandled: readonly SerializedError[]): Tally => {
  let passed = 0;
  const failures: { name: string; why: string }[] = [];
  for (const module of modules) {
    for (const test of module.children.allTests()) {
      const result = test.result();
      if (result.state === 'passed') passed += 1;
      if (result.state === 'failed')
        failures.push({ name: `${module.relativeModuleId} > ${test.fullName}`, why: why(result.errors) });
    }
    // A file that cannot be loaded, and hooks that fail, have no failed test and are failures all the same.
    const around = [module, ...module.children.allSuites()].filter((one) => one.errors().length > 0);
    for (const one of around)
      failures.push({
        name:
          one === module
            ? module.relativeModuleId
            : `${module.relativeModuleId} > ${'fullName' in one ? one.fullName : ''}`,
        why: why(one.errors()),
      });
  }
  for (const error of unhandled) failures.push({ name: 'outside of any test', why: why([error]) });
  return { passed, failures };
};

export default class implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly SerializedError[]) {
    const file = process.env.FARTHING_TALLY;
    if (file !== undefined) writeFileSync(file, JSON.stringify(tally(modules, unhandled)));
  }
}
