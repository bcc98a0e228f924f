import type { Encoding } from "../fan-out/encoding.ts";

/** Plain text: a message is its body, and nothing else. */
export const plain: Encoding = {
  name: "text",
  tellsId: false,
  headOf: () => "",
  headAfterGap: (head) => head,
  tailOf: ({ body }) => body,
  join: (_head, tail) => tail,
};
