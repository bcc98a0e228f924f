/**
 * The clients that send to the processor and get its answers. Every message and every answer goes to all of them, so there are few: with
 * many, this would measure the fan-out again.
 */
export const askers = { clients: 0, publishers: 10 } as const;
