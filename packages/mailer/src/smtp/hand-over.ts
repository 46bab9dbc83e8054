import type { Transporter } from "nodemailer";

/** How far one message came. */
export interface HandOver {
  /** Whether the session stood, so that the message's own turn had come: MAIL FROM may have been sent. */
  begun(): boolean;
  /**
   * Whether the receiver may have the whole message: its last byte has been given to the connection. As long as it has
   * not, the line with the final dot cannot have been sent, and the message was certainly not accepted.
   */
  whole(): boolean;
  /** The message was accepted, so it must have been handed over whole. */
  accepted(): void;
}

/**
 * Watches each message on its way through a transport. nodemailer gives the same error for a connection that was lost
 * before MAIL FROM and for one that was lost after the final dot; what it read of the message tells them apart.
 *
 * Not by the `flush()` of a transform: a small message has run through every transform before RCPT TO is sent, as
 * nothing holds it up, and would count as handed over far too early. And a signature of DKIM comes after all transforms.
 * The stream that nodemailer pipes into the connection is read from the server's go-ahead (354) on, and its `end` is
 * the last thing before the dot: nodemailer's own listener for it, which writes the dot, is added after ours.
 */
export function watchHandOver(transport: Transporter): (envelope: object) => HandOver {
  const calls = new WeakMap<object, { begun: boolean; ended: boolean }>();
  // Should a later nodemailer read messages in another way, nothing would ever seem to be handed over, and what is
  // unknown would be taken for refused. The first message that is accepted unseen shows it; then nothing is certain.
  let blind = false;
  transport.use("stream", (mail, done) => {
    // nodemailer copies what it is given, field by field: the envelope is still the object of our call
    const call = calls.get(mail.data.envelope as object);
    // others may send over a transport of the host's
    if (call === undefined) return done();
    const { message } = mail;
    const read = message!.createReadStream;
    message!.createReadStream = function (options) {
      call.begun = true;
      const stream = read.call(this, options);
      stream.once("end", () => {
        call.ended = true;
      });
      return stream;
    };
    return done(misaddressed(message!.getEnvelope(), mail.data.envelope as Envelope));
  });
  return (envelope) => {
    const call = { begun: false, ended: false };
    calls.set(envelope, call);
    return {
      begun: () => call.begun,
      whole: () => call.ended || blind,
      accepted: () => {
        blind ||= !call.ended;
      },
    };
  };
}

interface Envelope {
  readonly from: string | false;
  readonly to: readonly string[];
}

/** An error unless what nodemailer made of an envelope is what it was given: one sender, one recipient, to the letter. */
function misaddressed(made: Envelope, given: Envelope): Error | null {
  const same = made.from === given.from && made.to.length === 1 && made.to[0] === given.to[0];
  return same ? null : Object.assign(new Error("the envelope was changed"), { code: "EENVELOPE" });
}
