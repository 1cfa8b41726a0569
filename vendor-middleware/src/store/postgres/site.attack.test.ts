import { startPostgres } from '@farthing/node-kit/testing';
import { awaySuite } from '../../testing/away-suite.ts';
import { postgres } from './postgres.ts';

awaySuite('PostgreSQL', { start: () => startPostgres(), open: (url) => postgres(url) });
