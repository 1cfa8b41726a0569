import { Validator } from '@seriousme/openapi-schema-validator';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Bench } from '../testing/client.ts';
import { COINS, tellStory } from '../testing/story.ts';
import { readRoutes } from './reads.ts';
import { orderRoutes } from './routes.ts';

type Operation = { responses: Record<string, { content: Record<string, { schema: object }> }>; parameters?: object[] };
type Document = { paths: Record<string, Record<string, Operation>>; components: object };

const bench = new Bench();
let document: Document;
const ajv = new Ajv2020({ strict: false });

beforeAll(async () => {
  await bench.start({ ecash: COINS });
  await bench.until('/v1/ecash/keysets');
  document = (await (await fetch(`${bench.url}/openapi.json`)).json()) as Document;
});
afterAll(() => bench[Symbol.asyncDispose]());

const concrete = (path: string): string => path.replace('{vnd}', 'news.example');

/** The documented schema of an answer, with the components it refers to. */
function schemaOf(path: string, method: string, status: string, type: string): object {
  const schema = document.paths[path]?.[method]?.responses[status]?.content[type]?.schema;
  if (!schema) throw new Error(`${method} ${path} documents no ${status} as ${type}`);
  return { ...schema, components: document.components };
}

const fits = (schema: object, value: unknown): string =>
  ajv.validate(schema, value) ? 'fits' : ajv.errorsText(ajv.errors);

test('the document is valid OpenAPI 3.1', async () => {
  const validator = new Validator();
  const { valid, errors } = await validator.validate(structuredClone(document));
  expect(errors ?? []).toEqual([]);
  expect(valid).toBe(true);
  expect(validator.version).toBe('3.1');
});

test('every documented path and method answers, and every other method is refused', async () => {
  for (const [path, operations] of Object.entries(document.paths)) {
    for (const method of ['get', 'post', 'put', 'delete', 'patch']) {
      const response = await fetch(bench.url + concrete(path), { method: method.toUpperCase() });
      if (operations[method]) expect([200, 400, 404, 415], `${method} ${path}`).toContain(response.status);
      else {
        expect(response.status, `${method} ${path}`).toBe(405);
        expect(response.headers.get('allow')).toContain(Object.keys(operations)[0]?.toUpperCase());
      }
    }
  }
});

test('every route of the service is documented', () => {
  const documented = Object.keys(document.paths);
  expect(documented).toEqual(expect.arrayContaining(orderRoutes.map(({ path }) => path)));
  expect(documented).toHaveLength(orderRoutes.length + readRoutes.length + 1);
});

test('real answers and real refusals fit the documented schemas', async () => {
  const checked = new Set<string>();
  const post = bench.post.bind(bench);
  bench.post = async (path, body, headers) => {
    const reply = await post(path, body, headers);
    const type = (reply.headers.get('content-type') ?? '').split(';')[0] ?? '';
    expect(fits(schemaOf(path, 'post', String(reply.status), type), reply.body), path).toBe('fits');
    checked.add(`${path} ${reply.status}`);
    return reply;
  };
  const { site, anna } = await tellStory(bench);
  await anna.statement();
  await bench.send('/v1/scrip/licences/list', site.order('scrip-licences/1', { vnd: site.vnd }));
  for (const { path, bodyBytes } of orderRoutes) {
    await bench.post(path, {});
    await bench.post(path, 'x'.repeat(bodyBytes + 5_000));
  }
  await bench.post('/v1/scrip/buy', anna.buyOrder('unknown.example', 1n));
  for (const { path } of orderRoutes)
    for (const status of [200, 400, 413]) expect(checked).toContain(`${path} ${status}`);
  expect(checked).toContain('/v1/scrip/buy 404');

  for (const path of ['/health', '/ready', '/v1/keys', '/v1/vendors/{vnd}', '/openapi.json']) {
    const json: unknown = await (await fetch(bench.url + concrete(path))).json();
    expect(fits(schemaOf(path, 'get', '200', 'application/json'), json), path).toBe('fits');
  }
});
