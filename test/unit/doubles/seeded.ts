/** Property tests are the same in every run; `FC_SEED=… bun test` tries others. */
export const seeded = { seed: Number(Bun.env["FC_SEED"] ?? 20_100) } as const;
