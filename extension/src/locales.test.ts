import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const root = new URL('..', import.meta.url).pathname;
const read = (language: string): Record<string, { message: string }> =>
  JSON.parse(readFileSync(join(root, '_locales', language, 'messages.json'), 'utf8'));
const languages = ['en', 'de', 'es', 'ar'];
const english = read('en');
const FORMS = /_(zero|one|two|few|many|other)$/;
const baseOf = (key: string) => key.replace(FORMS, '');
const plurals = new Set(
  Object.keys(english)
    .filter((key) => key.endsWith('_other') && `${baseOf(key)}_one` in english)
    .map(baseOf),
);
const isPlural = (key: string) => FORMS.test(key) && plurals.has(baseOf(key));
const placeholders = (text: string) => [...text.matchAll(/\{([a-z]+)\}/gi)].map(([, name]) => name).sort();

const files = (folder: string): string[] =>
  readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? files(join(folder, entry.name)) : [join(folder, entry.name)],
  );
const sources = [...files(join(root, 'src')), join(root, 'manifest.ts')]
  .filter((path) => /\.tsx?$/.test(path) && !path.includes('.test.'))
  .map((path) => ({ path, text: readFileSync(path, 'utf8') }));

test.each(languages)('%s has every text, and no other', (language) => {
  const plain = (texts: object) =>
    Object.keys(texts)
      .filter((key) => !isPlural(key))
      .sort();
  expect(plain(read(language))).toEqual(plain(english));
});

test.each(languages)('%s has every plural form that it needs', (language) => {
  const wanted = new Intl.PluralRules(language).resolvedOptions().pluralCategories;
  const texts = read(language);
  for (const base of plurals) for (const form of wanted) expect(texts).toHaveProperty(`${base}_${form}`);
});

test.each(languages)('%s fills the same places', (language) => {
  for (const [key, { message }] of Object.entries(read(language))) {
    if (isPlural(key)) continue;
    expect([key, placeholders(message)]).toEqual([key, placeholders(english[key]?.message ?? '')]);
  }
});

test('every text is used', () => {
  const all = sources.map(({ text }) => text).join('\n');
  // Built from codes that come from elsewhere: problems, modes, units, and what a method says of itself.
  const built =
    /^(problem_|mode_(auto|ask|never)_means$|gift_(given|coming_back|back|taken)_text$|chosen_|method_|units?_)/;
  const unused = Object.keys(english).filter((key) => {
    const name = isPlural(key) ? baseOf(key) : key;
    return !built.test(key) && !all.includes(`'${name}'`) && !all.includes(`__MSG_${name}__`);
  });
  expect(unused).toEqual([]);
});

test('no text stands outside of the locales', () => {
  const found = sources
    .filter(({ path }) => path.endsWith('.tsx'))
    .flatMap(({ path, text }) =>
      [...text.matchAll(/>\s*([A-Z][a-z]+ [a-z][^<>{}=;]*)</g)].map(([, words]) => `${path}: ${words}`),
    );
  expect(found).toEqual([]);
});

test('nothing in the style names left or right', () => {
  const css = readFileSync(join(root, 'src/ui/style.css'), 'utf8');
  expect(css.match(/(?:^|[\s;{-])(?:left|right)(?:\s*:|-)/g)).toBeNull();
});

test('name and description fit what stores allow', () => {
  for (const language of languages) {
    expect(read(language)['ext_name']?.message.length).toBeLessThanOrEqual(45);
    expect(read(language)['ext_description']?.message.length).toBeLessThanOrEqual(132);
  }
});
