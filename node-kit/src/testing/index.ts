// What tests and benchmarks of several packages need of other programs.
export { type PostgresServer, postgresPrograms, startPostgres } from './postgres-server.ts';
export { cli, hasRedis, type RedisCluster, type RedisServer, startRedis, startRedisCluster } from './redis-server.ts';
