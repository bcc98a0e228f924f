import fc from "fast-check";
import { isName, type OutgoingMessage } from "../../../src/message.ts";

const [firstSurrogate, surrogates] = [0xd800, 0x800];

/**
 * Any character, with no half surrogates. fast-check's own `unit: "binary"` is the same and takes most of a second to be made.
 */
export const anyCharacter = fc.nat(0x10_ffff - surrogates).map(
  (index) => String.fromCodePoint(index < firstSurrogate ? index : index + surrogates),
  (text) => {
    const [character, ...more] = typeof text === "string" ? text : [];
    if (character === undefined || more.length > 0) throw new Error("not one character");
    const codePoint = character.codePointAt(0)!;
    return codePoint < firstSurrogate ? codePoint : codePoint - surrogates;
  },
);

/** Any text: every plane of Unicode, control characters, byte order marks, and often none at all. */
export const anyText = fc.oneof(
  fc.string({ unit: anyCharacter, maxLength: 40 }),
  fc.constantFrom(
    "",
    "\ufeff",
    "\ufeffafter a byte order mark",
    "\u0000",
    "\ufffd",
    "\n",
    "a\nb",
    '"[]\\"',
    "𝄞",
  ),
);

export const anyBytes = fc.uint8Array({ maxLength: 60 });

/** What may be a topic or a client id. */
export const anyName = fc.string({ unit: "grapheme", minLength: 1, maxLength: 20 }).filter(isName);

export const anyMessage: fc.Arbitrary<OutgoingMessage> = fc.record({
  body: fc.oneof(anyText, anyBytes),
  topic: fc.oneof(fc.constant(""), anyName),
  clientId: fc.option(anyName, { nil: undefined }),
  headers: fc.option(fc.dictionary(anyName, anyText, { maxKeys: 4 }), { nil: undefined }),
});
