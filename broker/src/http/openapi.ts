// The OpenAPI 3.1 document. Paths, orders and answers come from the tables that the service itself runs on, so that it
// cannot say something else than the code.
import {
  brk,
  h32,
  id16,
  type JsonObject,
  limits,
  type ProblemCode,
  problemCodes,
  problemInfo,
  seconds,
  sig,
} from '@farthing/protocol';
import { type ConversionConfig, toJsonSchema } from '@valibot/to-json-schema';
import type * as v from 'valibot';
import { type ReadRoute, readRoutes } from './reads.ts';
import type { OrderRoute } from './route.ts';
import { orderRoutes } from './routes.ts';

/** Made once, at start. */
export function openApi(title: string): JsonObject {
  const reads = readRoutes.map((route) => [templateOf(route.path), { get: readOperation(route) }] as const);
  const orders = orderRoutes.map((route) => [route.path, { post: orderOperation(route) }] as const);
  return {
    openapi: '3.1.0',
    info: { title, version: '1', description: ABOUT, license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } },
    servers: [{ url: '/' }],
    paths: { ...Object.fromEntries(reads), '/openapi.json': { get: documentOperation }, ...Object.fromEntries(orders) },
    components: { schemas: { Problem: problemSchema } },
  };
}

const ABOUT = [
  'Every POST carries a signed order {typ, from, rid, at, …, sig}: Ed25519 over `farthing/` typ NUL canonical JSON.',
  'Every answer to one is signed by the broker. The same order gets the same answer; other content under the same',
  `(from, rid) is refused. A new order is at most ${limits.requestAgeMs / 1000} s old. Bodies have at most`,
  `${limits.bodyBytes} bytes where nothing else is said. Amounts are decimal strings of millionths of a currency unit.`,
].join(' ');

/** What the converter cannot see: the meaning of a check, found by its message. */
const CHECKS: Record<string, JsonObject> = {
  'a decimal string of base units, 1…10^18': { pattern: '^[1-9][0-9]{0,18}$' },
  'a decimal string of base units, 0…10^18': { pattern: '^(0|[1-9][0-9]{0,18})$' },
  'a decimal string of base units': { pattern: '^(0|[1-9][0-9]{0,18})$' },
  'usd-micro or eur-micro': { enum: ['usd-micro', 'eur-micro'] },
  'an origin such as https://news.example': { pattern: '^https?://[^/?#@\\s]+$' },
};

const conversion: ConversionConfig = {
  target: 'draft-2020-12',
  typeMode: 'input',
  errorMode: 'ignore',
  overrideAction: ({ valibotAction, jsonSchema }) => {
    const message = 'message' in valibotAction ? valibotAction.message : undefined;
    return typeof message === 'string' && CHECKS[message] ? { ...jsonSchema, ...CHECKS[message] } : undefined;
  },
};

function schemaOf(schema: v.GenericSchema): JsonObject {
  const { $schema: _, ...rest } = toJsonSchema(schema, conversion);
  return rest as JsonObject;
}

const json = (schema: JsonObject) => ({ 'application/json': { schema } });
const closed = (properties: Record<string, JsonObject>): JsonObject => ({
  type: 'object',
  properties,
  required: Object.keys(properties),
  additionalProperties: false,
});

function orderOperation(route: OrderRoute): JsonObject {
  const { path, summary, order, result, stored, problems } = route;
  const answer = closed({
    typ: { type: 'string' },
    brk: schemaOf(brk),
    from: schemaOf(h32),
    rid: schemaOf(id16),
    at: schemaOf(seconds),
    result: schemaOf(result),
    sig: schemaOf(sig),
  });
  return {
    operationId: idOf(path),
    summary,
    description: stored ? 'Stored with its answer: every repeat gets the same.' : 'A signed read, answered afresh.',
    ...requestOf(route, schemaOf(order)),
    responses: {
      '200': { description: 'Signed answer', content: json(answer) },
      ...refusals([...EVERY_ORDER, ...(stored ? STORED_ORDER : []), ...problems]),
    },
  };
}

/** The order as body; or in a header, before a body of bytes. */
function requestOf({ orderInHeader, bodyBytes }: OrderRoute, order: JsonObject): JsonObject {
  if (!orderInHeader) return { requestBody: { required: true, content: json(order) } };
  const header = { name: 'Farthing-Order', in: 'header', required: true };
  const description = 'base64url without padding of the JSON of the order';
  const bytes = { 'application/octet-stream': { schema: { maxLength: bodyBytes } } };
  const contentSchema = { contentEncoding: 'base64url', contentMediaType: 'application/json', contentSchema: order };
  return {
    parameters: [{ ...header, description, schema: { type: 'string', ...contentSchema } }],
    requestBody: { required: true, content: bytes },
  };
}

const EVERY_ORDER: ProblemCode[] = [
  'request-malformed',
  'request-stale',
  'signature-invalid',
  'body-too-large',
  'type-unsupported',
  'unavailable',
];
const STORED_ORDER: ProblemCode[] = ['rid-conflict', 'order-archived'];

function readOperation({ path, summary, result, params, problems }: ReadRoute): JsonObject {
  const parameters = Object.entries(params).map(([name, schema]) => ({
    name,
    in: 'path',
    required: true,
    schema: schemaOf(schema),
  }));
  return {
    operationId: idOf(path),
    summary,
    ...(parameters.length > 0 ? { parameters } : {}),
    responses: {
      '200': { description: 'As asked', content: json(schemaOf(result)) },
      ...refusals([...problems, 'unavailable']),
    },
  };
}

const documentOperation: JsonObject = {
  operationId: 'openapi',
  summary: 'This document',
  responses: { '200': { description: 'OpenAPI 3.1', content: json({ type: 'object' }) } },
};

/** One response for each status, naming the codes that it can carry. */
function refusals(codes: readonly ProblemCode[]): JsonObject {
  const byStatus = new Map<string, string[]>();
  for (const code of new Set(codes)) {
    const { status, title } = problemInfo(code);
    byStatus.set(String(status), [...(byStatus.get(String(status)) ?? []), `\`${code}\`: ${title}.`]);
  }
  const content = { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } };
  return Object.fromEntries(
    [...byStatus].map(([status, lines]) => [status, { description: lines.join(' '), content }]),
  );
}

const problemSchema: JsonObject = {
  type: 'object',
  description: 'RFC 9457, with a stable code',
  properties: {
    type: { type: 'string' },
    title: { type: 'string' },
    status: { type: 'integer' },
    code: { type: 'string', enum: problemCodes },
    detail: { type: 'string' },
    consumed: { enum: [false, true, 'unknown'] },
  },
  required: ['type', 'title', 'status', 'code', 'detail', 'consumed'],
};

const templateOf = (path: string): string => path.replace(/:([a-z]+)/g, '{$1}');
const idOf = (path: string): string => path.replace(/^\/(v1\/)?/, '').replace(/[/:]+/g, '-');
