// The contract of a store, and what those who write one share.

export type { DecideInput, Decision, NotificationPatch } from "../delivery/moves.js";
export { decideMove, markMove, queuedNotification, settleMove } from "../delivery/moves.js";
export type {
  Attempt,
  AttemptOutcome,
  ClaimedNotification,
  NewNotification,
  Notification,
  NotificationKey,
  NotificationSource,
  NotificationState,
  TerminalState,
} from "../delivery/notification.js";
export { attemptOutcomes, notificationStates, terminalStates } from "../delivery/notification.js";
export type { Reason } from "../delivery/reason.js";
export { reasons } from "../delivery/reason.js";
export type { ErrorCode, MilepostErrorDetails } from "../errors.js";
// for those who write a store
export { MilepostError } from "../errors.js";
export type { Json, JsonObject } from "../json.js";
export type { MessageTemplate, RenderedMessage } from "../message/message.js";
// the rows they hold
export type {
  ClaimedCrossing,
  Crossing,
  CrossingBirth,
  CrossingKey,
  CrossingState,
  NewCrossing,
} from "../milestone/crossing.js";
export { birthReason, crossingStates } from "../milestone/crossing.js";
export type { Channel, DeliveryMode } from "../notifier/notifier.js";
export { deliveryModes } from "../notifier/notifier.js";
export type { Recipient } from "../recipient/recipient.js";
export { compareKeys } from "../text-key.js";
export type { ContactRepository, Member, Subject } from "./contact-repository.js";
export type {
  AddResult,
  CounterKey,
  CounterRepository,
  CounterState,
  DueCounter,
  RecordedEvent,
  TrailRow,
} from "./counter-repository.js";
export type { AnnounceResult, CounterEvaluation, CrossingRepository } from "./crossing-repository.js";
export type {
  Band,
  CounterBirth,
  DefinitionRepository,
  InstalledDefinition,
  MetricDefinition,
} from "./definition-repository.js";
export type { Act, Lane, LaneRepository } from "./lane-repository.js";
export type { AppliedMigration, Migration } from "./migration-plan.js";
export { migrationChecksum, planMigrations } from "./migration-plan.js";
export type {
  DecideAct,
  Fenced,
  Mark,
  MarkResult,
  NotificationRepository,
  Settlement,
  SettleResult,
} from "./notification-repository.js";
export { counterOverflow, definitionsChanged, notificationNotFound, redrivenTwice } from "./refusals.js";
// contract
export type { MigrationReport, Store, StoreSupports } from "./store.js";
export type { TableNaming } from "./table-names.js";
export { quoteIdentifier, tableNamer } from "./table-names.js";
export type { CounterChange, Walk } from "./tally.js";
export { compareCounterKeys, counterKeyText, leavesBand, tally, walk } from "./tally.js";
