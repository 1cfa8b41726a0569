// For tests only: the conformance suite of payment methods and the seeded simulation.
export { type Check, conformanceChecks } from './conformance.ts';
export type { FixtureBroker, FixtureWorld, MethodFixture } from './fixture.ts';
export { type Rng, seeded, seededEnv } from './random.ts';
export { type SimulationOptions, type SimulationReport, simulate } from './simulation.ts';
