// The contract of a store, and what those who write one share.

// contract
export type { LevelsOwner, LevelsRepository, StoredLevels } from "./levels-repository.js";
export type { Limit, LimitRepository, LimitSubject, PeriodsFrom } from "./limit-repository.js";
export type { MigrationReport, Store, StoreSupports } from "./store.js";
export type { Listening, WakeUpListener } from "./wake-ups.js";
export type {
  Band,
  CounterBirth,
  DefinitionRepository,
  InstalledDefinition,
  InstalledMilestone,
  Retain,
} from "./definition-repository.js";
export type {
  AddResult,
  CounterKey,
  CounterRepository,
  CounterState,
  DueCounter,
  IdleCounter,
  LevelsMark,
  Parking,
  RecordedEvent,
  RecordingRules,
  StoredCounter,
  TrailMark,
  TrailRow,
  WakeMark,
} from "./counter-repository.js";
export type { InboxEvent, InboxRepository, InboxRow } from "./inbox-repository.js";
export type { EventRepository, RetainedEvent } from "./event-repository.js";
export type { ParkedCounter, ParkingRepository, ParkReason } from "./parking-repository.js";
export { parkReasons } from "./parking-repository.js";
export type {
  AnnounceResult,
  CounterEvaluation,
  CrossingRepository,
  Effect,
  EffectFailure,
  EvaluationResult,
} from "./crossing-repository.js";
export type { NoticeRepository } from "./notice-repository.js";
export type {
  DecideAct,
  Fenced,
  Mark,
  MarkResult,
  NotificationRepository,
  Opened,
  Served,
  Settlement,
  SettleResult,
} from "./notification-repository.js";
export type { Act, ActRepository, RecordedAct } from "./act-repository.js";
export type { LaneRepository } from "./lane-repository.js";
export type {
  CampaignCount,
  CampaignEdit,
  CampaignRepository,
  FencedCampaign,
  NewCampaign,
  RewrittenNotification,
} from "./campaign-repository.js";
export type { AppliedEvent, DeliveryEventRepository, EngagementInput } from "./delivery-event-repository.js";
export type { TemplateRepository } from "./template-repository.js";
export type {
  ContactImportRepository,
  ImportChunk,
  ImportedConsent,
} from "./contact-import-repository.js";
export type { ContactAct, ContactRepository, PutCounts } from "./contact-repository.js";
export type { AccountLimits, ProviderRepository, StrandedLane } from "./provider-repository.js";
export type { AddressKey, SuppressionRepository } from "./suppression-repository.js";
export type { ErasedRows, Member, Subject, SubjectDirectory, SubjectRepository } from "./subject-repository.js";
export type { WorkerBeat, WorkerRecord, WorkerRepository } from "./worker-repository.js";
export type {
  InvariantId,
  Finding,
  InvariantCheck,
  Look,
  VerifyInput,
  VerifyReport,
  Violation,
} from "./verify.js";
export { findings, invariantIds, verifyReport } from "./verify.js";

// the rows they hold
export type {
  ClaimedCrossing,
  Crossing,
  CrossingBirth,
  CrossingKey,
  CrossingState,
  NewCrossing,
  StoredCrossing,
} from "../milestone/crossing.js";
export { crossingStates } from "../milestone/crossing.js";
export type { ClaimedNotice, NewNotice, Notice, NoticeKind, NoticeState, StoredNotice } from "../milestone/notice.js";
export { noticeKinds, noticeStates } from "../milestone/notice.js";
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
export type { Hours, ZonedHours } from "../campaign/hours.js";
export type { Campaign, CampaignKey, CampaignState } from "../campaign/campaign.js";
export { campaignStates, gateOf, gatePatch } from "../campaign/campaign.js";
export type { CampaignAct, CampaignActInput, CampaignPatch, CampaignWork } from "../campaign/campaign-moves.js";
export {
  campaignActs,
  campaignMove,
  editMove,
  knows,
  leasable,
  leaseMove,
  loadMove,
  newCampaign,
  wants,
} from "../campaign/campaign-moves.js";
export type { Recurrence, RecurrenceKey, Skip, SkipReason } from "../campaign/recurrence.js";
export { putMove } from "../campaign/recurrence.js";
export type { NewRecurrence, RecurrenceRepository } from "./recurrence-repository.js";
export type { Provider, ProviderAddress, ProviderKey, ProviderState } from "../provider/provider.js";
export { familyOf, laneOfAccount, providerStates } from "../provider/provider.js";
export type { NewProvider, ProviderActInput, ProviderChange, ProviderPatch } from "../provider/provider-moves.js";
export { isLanePaused, newProvider, providerMove, shareChannel, unrecordedActs } from "../provider/provider-moves.js";
export type { Account, StandIn } from "../provider/stand-in.js";
export { moverName, standInFor, whyMoved } from "../provider/stand-in.js";
export type { Gate, Quota, Rate, Room, Slots } from "../delivery/gate.js";
export type { Lane } from "../delivery/lane.js";
export type { Consent, Refusal, Suppression, SuppressionReason } from "../recipient/suppression.js";
export { everything, suppressionReasons } from "../recipient/suppression.js";
export type {
  BounceKind,
  DeliveryEvent,
  DeliveryEventType,
  DeliveryEventWay,
  EventReference,
  NewDeliveryEvent,
  TrackedNotification,
} from "../tracking/delivery-event.js";
export { deliveryEventTypes, deliveryEventWays } from "../tracking/delivery-event.js";
export type { DeliveryFacts, NotificationFacts } from "../tracking/facts.js";
export type { AddressEvent, Forbidding, SoftBounceLimit, SuppressionByEvents } from "../tracking/address-events.js";
export type { EngagementCounts, FactCount, StateCount } from "../tracking/engagement.js";
export type { FoundNotification } from "../tracking/matching.js";
export type { Additions, MatchedEvent } from "../tracking/applied.js";
export type { Contact, GivenContact, KeptMember, Merging, StoredContact } from "../contact/contact.js";
export type { ContactFilter, FieldValue, NumberRange, TimeRange } from "../contact/contact-filter.js";
export type { ContactImport, RejectedRow, RejectionCode } from "../contact/contact-import.js";
export type { Reason, ReasonCount } from "../delivery/reason.js";
export { reasons } from "../delivery/reason.js";
export type { MessageSender, MessageTemplate, RenderedMessage } from "../message/message.js";
export type {
  NewTemplate,
  NewTemplateVersion,
  StoredTemplate,
  TemplateAct,
  TemplateKey,
  TemplateOrigin,
  TemplateVariant,
  TemplateVersion,
} from "../message/stored-template.js";
export { newTemplate, templateActs, templateMove, templateOrigins, versionMove } from "../message/stored-template.js";
export type { TagType, TemplateTag } from "../message/template-tag.js";
export type { Channel, DeliveryMode } from "../notifier/notifier.js";
export { deliveryModes } from "../notifier/notifier.js";
export type { Recipient } from "../recipient/recipient.js";
export type { Json, JsonObject } from "../json.js";

// decisions that every store makes alike
export type { CounterChange, Walk } from "./tally.js";
export {
  compareCounterKeys,
  counterActId,
  counterActRange,
  counterKeyText,
  differences,
  leavesBand,
  tally,
  walk,
} from "./tally.js";
export { additionsOf } from "../tracking/applied.js";
export { forbiddenBy, releaseEvent, suppressionByEvents, weighs, whyForbidden } from "../tracking/address-events.js";
export { forgottenBefore, monthsFrom, nextLookAt } from "../tracking/delivery-event.js";
export { factMarks, factsOf, marksOf, mergeFacts, noFacts } from "../tracking/facts.js";
export { inOrder, matcher } from "../tracking/matching.js";
export { timeStep } from "../tracking/engagement.js";
export { noInbox } from "./no-inbox.js";
export { noWakeUps } from "./wake-ups.js";
export { nothingErased } from "./subject-repository.js";
export { noticeOf, recordedNotice } from "../milestone/notice.js";
export { birthReason, crossingOf, recordedCrossing } from "../milestone/crossing.js";
export type { DecideInput, Decision, MarkInput, MarkMove, NotificationPatch } from "../delivery/moves.js";
export {
  bothOpenIn,
  decideMove,
  isShut,
  markMove,
  opensIn,
  queuedNotification,
  reopenMove,
  rewriteMove,
  settledLane,
  settleMove,
  suppressMove,
} from "../delivery/moves.js";
export { isMetered, parkedWithoutRoom, roomIn, withLimits, withReservation } from "../delivery/gate.js";
export { openLane } from "../delivery/lane.js";
export type { Bounces } from "../recipient/suppression.js";
export { keptMembers, mergedContact, retagged, wasEmailed } from "../contact/contact.js";
export { begunImport, isNext, loadedImport } from "../contact/contact-import.js";
export { type FilterDialect, filterSql } from "../contact/filter-sql.js";
export { type Comparison, type FieldTest, matches } from "../contact/matches.js";
export { type SqlStatement, type SqlValue, sql } from "../milestone/sql.js";
export { heavierOf, nextBounces, refusalOf } from "../recipient/suppression.js";
export type { ShapeField, StateShape } from "../delivery/state-shape.js";
export { callableStates, hasReasonToWait, hasShape, keptReason, stateShapes } from "../delivery/state-shape.js";
export { compareKeys } from "../text-key.js";
export { lifetime } from "../milestone/period.js";
export { defaultTenant } from "../recording/event.js";

// refusals in the same words
export type { ErrorCode, MilepostErrorDetails } from "../errors.js";
export { MilepostError } from "../errors.js";
export {
  campaignNotFound,
  recurrenceNotFound,
  counterOverflow,
  noEffects,
  noTransaction,
  notificationNotFound,
  providerNotFound,
  redrivenTwice,
  templateNotFound,
} from "./refusals.js";

export { redact } from "../redact.js";
export { scrubbedError } from "./scrubbed-error.js";

export { refuseOtherDriver, refuseUnknownOptions } from "./store-options.js";

// schema
export type { AppliedMigration, Migration } from "./migration-plan.js";
export { migrationChecksum, planMigrations } from "./migration-plan.js";
export type { TableNaming } from "./table-names.js";
export { quoteIdentifier, tableNamer } from "./table-names.js";
