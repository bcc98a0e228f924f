import type { Encoding } from "../fan-out/encoding.ts";

/** Plain text: a message is just its body. */
export const plain: Encoding = {
  name: "text",
  includesId: false,
  headOf: () => "",
  headAfterGap: (head) => head,
  tailOf: ({ body }) => body,
  join: (_head, tail) => tail,
};
