// notifiers
export type { MailNotifier } from "./mail-notifier.js";
export { smtpNotifier } from "./smtp/smtp-notifier.js";
export type {
  DkimOptions,
  SmtpNotifierOptions,
  SmtpSendingOptions,
  SmtpServerNotifierOptions,
  SmtpServerOptions,
  SmtpTransportNotifierOptions,
} from "./smtp/smtp-options.js";
export type { MailKind } from "./provider/mail-kind.js";
export type { ProviderMailOptions } from "./provider/provider-mail.js";
export { providerMail } from "./provider/provider-mail.js";
export { smtpServerOf } from "./smtp/smtp-url.js";
export type { PreviewNotifierOptions } from "./preview/preview-notifier.js";
export { previewNotifier } from "./preview/preview-notifier.js";

// what they have in common
export type { LetterheadOptions, SenderInput } from "./mime/letterhead-options.js";
export type { Unsubscribe, UnsubscribeLinks } from "./mime/unsubscribe.js";
