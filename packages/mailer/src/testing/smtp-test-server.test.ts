import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { type SmtpTestServer, type SmtpTestServerOptions, smtpTestServer } from "./smtp-test-server.js";

let server: SmtpTestServer;
let socket: Socket;
let said = "";
afterEach(async () => {
  socket.destroy();
  await server.close();
});

async function talkTo(options: SmtpTestServerOptions = {}): Promise<void> {
  server = await smtpTestServer(options);
  said = "";
  socket = connect(server.port, server.host);
  socket.setEncoding("latin1").on("data", (text: string) => {
    said += text;
  });
  await once(socket, "connect");
}

const hears = (pattern: RegExp) => expect.poll(() => said).toMatch(pattern);

describe("the test server", () => {
  it("puts a message together that comes in any pieces, and takes its dots back", async () => {
    await talkTo();
    socket.write("EHLO me\r\nMAIL FROM:<a@x.example>\r\nRCPT TO:<b@x.example>\r\nDATA\r\n");
    await hears(/^354 /m);
    const body = `Subject: x\r\n\r\n${"a line\r\n".repeat(20_000)}..\r\n...b\r\n.c\r\n`;
    const sent = body.replace(/^\./gm, "..");
    for (const piece of [sent.slice(0, 5), sent.slice(5, 90_000), sent.slice(90_000), ".", "\r", "\n"]) {
      await new Promise((resolve) => socket.write(piece, resolve));
      await new Promise(setImmediate);
    }
    await hears(/^250 2\.0\.0 ok: queued as 1\r$/m);
    expect(server.messages).toMatchObject([{ session: 1, from: "a@x.example", recipients: ["b@x.example"] }]);
    expect(server.messages[0]!.bytes.toString()).toBe(body);
  });

  it("takes an empty message, and what is pipelined behind it", async () => {
    await talkTo();
    socket.write("MAIL FROM:<>\r\nRCPT TO:<b@x.example>\r\nDATA\r\n.\r\nQUIT\r\n");
    await hears(/^354 [\s\S]*^250 [\s\S]*^221 /m);
    expect(server.messages[0]!.bytes).toHaveLength(0);
  });

  it("answers as it is told, and takes nothing that it refused", async () => {
    const steps: string[] = [];
    await talkTo({
      answer: (step) => {
        steps.push(step);
        return step === "dot" ? "451 later" : undefined;
      },
    });
    socket.write("EHLO me\r\nMAIL FROM:<a@x.example>\r\nRCPT TO:<b@x.example>\r\nDATA\r\nx\r\n.\r\nRSET\r\nNOOP\r\n");
    await hears(/^451 later\r\n250 [\s\S]*^250 /m);
    expect(steps).toEqual(["greeting", "EHLO", "MAIL", "RCPT", "DATA", "body", "dot", "RSET", "other"]);
    expect(server.messages).toEqual([]);
  });

  it("does not begin TLS, unless it is told to say so", async () => {
    await talkTo({ answer: (_, line) => (line === "STARTTLS again" ? "220 go ahead" : undefined) });
    socket.write("EHLO me\r\nSTARTTLS\r\nNOOP\r\nstarttls\r\nSTARTTLS again\r\n");
    await hears(/^502 .*\r\n250 .*\r\n502 .*\r\n220 go ahead\r$/m);
  });

  it("waits with its answer until a message is on its taker's disk", async () => {
    let write = () => {};
    const written = new Promise<void>((resolve) => {
      write = resolve;
    });
    await talkTo({ onMessage: () => written });
    socket.write("MAIL FROM:<a@x.example>\r\nRCPT TO:<b@x.example>\r\nDATA\r\nx\r\n.\r\n");
    await hears(/^354 /m);
    expect(said).not.toContain("queued");
    write();
    await hears(/queued as 1/);
  });
});

it.each([
  [{ anwser: () => "550 no" }, "anwser"],
  [{ answer: "550 no" }, "answer"],
  [{ onMessage: true }, "onMessage"],
  [{ extensions: "AUTH PLAIN" }, "extensions"],
  [{ pipelining: "no" }, "pipelining"],
])("a test server with %o is not made", async (options, path) => {
  await expect(smtpTestServer(options as never)).rejects.toMatchObject({ code: "invalid_options", path });
});
