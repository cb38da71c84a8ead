import { expect, it } from "vitest";
import { Answer } from "./answer.ts";

const bounds = { bytesMax: 10, idleMs: 60_000 };

it("waits for its reader once so much is unread, and not before", async () => {
  const answer = new Answer(bounds);
  expect(await answer.write("12345")).toBe(true);
  expect(await answer.write("67890")).toBe(true);
  let isWritten = false;
  const writing = answer.write("late").then((written) => (isWritten = written));
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(isWritten).toBe(false);
  const reader = answer.body.getReader();
  await reader.read();
  expect(await writing).toBe(true);
});

it("gives a reader up that reads nothing for too long", async () => {
  const answer = new Answer({ ...bounds, idleMs: 20 });
  await answer.write("1234567890");
  expect(await answer.write("late")).toBe(false);
  expect(await answer.write("later")).toBe(false);
  await expect(new Response(answer.body).text()).rejects.toThrow("not read for too long");
});

it("lets go of a writer whose reader leaves", async () => {
  const answer = new Answer(bounds);
  await answer.write("1234567890");
  const writing = answer.write("late");
  await answer.body.cancel();
  expect(await writing).toBe(false);
  answer.close();
});

it("hands over everything that was written before it was closed", async () => {
  const answer = new Answer(bounds);
  const reading = new Response(answer.body).text();
  for (let n = 0; n < 20; n += 1) await answer.write(`line ${n}\n`);
  answer.close();
  expect((await reading).split("\n")).toHaveLength(21);
});
