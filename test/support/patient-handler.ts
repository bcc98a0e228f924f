const { promise: released, resolve: release } = Promise.withResolvers<void>();

/** Answers as the built-in handler does, but nobody before somebody has said `go on`. */
export default async function ({ text }: { readonly text: string }): Promise<string> {
  if (text === "go on") release();
  await released;
  return `processed message: ${text}`;
}
