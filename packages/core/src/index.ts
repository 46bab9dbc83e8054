// engine
export type { Milepost, MilepostOptions } from "./engine.js";
export { createMilepost } from "./engine.js";
export type { CampaignEvent, CrossingEvent, MilepostEvents, NotificationEvent, NotifierEvent } from "./events.js";
export type { CounterQuery, CrossingQuery, EventQuery, NoticeQuery, SubjectCounter } from "./queries.js";
export type { Runtime } from "./runtime.js";

// recording
export type { ConsumeOptions, ConsumeResult } from "./recording/consume.js";
export type { MilestoneEvent, Observation } from "./recording/event.js";
export type { Inbox, InboxAct, InboxQuery, TransactionRecorder } from "./recording/inbox.js";
export type { DrainResult } from "./recording/drain.js";
export type { RecordManyResult, RecordResult } from "./recording/recorder.js";

// planning
export type { Plan, PlannedCrossing, PlannedEvent, PlannedNotice, PlannedNotification } from "./planning/plan.js";
export type { Replay, ReplayInput } from "./planning/replay.js";

// milestones
export type { Crossing, CrossingState, NewCrossing } from "./milestone/crossing.js";
export { crossingStates } from "./milestone/crossing.js";
export type { NewNotice, Notice, NoticeFacts, NoticeKind, NoticeState } from "./milestone/notice.js";
export { noticeKinds, noticeStates } from "./milestone/notice.js";
export type { MetricOptions } from "./milestone/definition.js";
export type { DefinitionReport, Definitions } from "./milestone/definitions.js";
export type { ReinstallAct } from "./milestone/registry.js";
export type { Announcement, Milestone, MilestoneMessage, MilestoneOptions, OnJump } from "./milestone/milestone.js";
export { milestone } from "./milestone/milestone.js";
export type { Period } from "./milestone/period.js";
export type {
  Level,
  LevelLabels,
  MilestonePolicy,
  PolicyContext,
  PolicyNeed,
  Severity,
  SpanSoFar,
} from "./milestone/policy.js";
export { policyNeeds, severities } from "./milestone/policy.js";

// campaigns
export { campaign } from "./campaign/definition.js";
export type {
  AudienceContext,
  CampaignDefinition,
  CampaignFields,
  CampaignOptions,
  RecurrenceTimes,
} from "./campaign/definition.js";
export type { CampaignState } from "./campaign/campaign.js";
export type {
  CampaignActInput,
  CampaignChange,
  CampaignQuery,
  EditInput,
  LaunchInput,
  NewCampaignInput,
  ScheduleInput,
} from "./campaign/campaign-inputs.js";
export type { CampaignCounts, CampaignReport } from "./campaign/campaign-report.js";
export type { Campaigns } from "./campaign/campaigns.js";
export type { Recurrence, Skip, SkipReason } from "./campaign/recurrence.js";
export type {
  RecurrenceAct,
  RecurrenceInput,
  RecurrenceReport,
  Recurrences,
  RecurringCampaign,
} from "./campaign/recurrences.js";
export type { CampaignContent } from "./campaign/content.js";
export type { Loaded, Refused } from "./campaign/loader.js";
export type { Group, GroupKey } from "./campaign/grouped.js";
export { groupedBy } from "./campaign/grouped.js";
export type { AudienceMember, ItemInput } from "./campaign/audience-member.js";
export type { ContactAudience } from "./campaign/contact-audience.js";
export type { CampaignMessage, CampaignMessages, TemplateChoice, WrittenMessage } from "./campaign/messages.js";
export type { Window } from "./campaign/window.js";

// local time
export type { Hours, ZonedHours } from "./campaign/hours.js";
export type { LocalHours } from "./campaign/local-hours.js";
export type { ZoneChoice } from "./campaign/zone.js";

// asking
export type { ReasonCounts, ReasonQuery } from "./delivery/reasons.js";
export type {
  CampaignStory,
  Explained,
  ExplainQuery,
  NoticeStory,
  NotificationStory,
  Story,
  StoryEvent,
} from "./delivery/story.js";
export type { Projection } from "./milestone/pace.js";
export type { PassedLevel, StateQuery, SubjectState } from "./milestone/subject-state.js";

// forgetting
export type { ForgetAct, Forgotten } from "./recording/forget.js";
export { subjectDigest } from "./recording/forget.js";
export type { ErasedRows } from "./store/subject-repository.js";

// what a milestone changes in the host
export type { CounterFacts, EffectAnswer, Effects } from "./milestone/effect.js";
export type { SqlStatement, SqlValue } from "./milestone/sql.js";
export { sql } from "./milestone/sql.js";
export type { Parked, ParkedQuery, ReleaseAct } from "./milestone/parked.js";
export type { ParkedCounter, ParkReason } from "./store/parking-repository.js";

// limits and stored levels
export type { Levels, LevelsInput } from "./milestone/levels-keeper.js";
export type { StoredLevels } from "./store/levels-repository.js";
export type { LimitInput, LimitResult, Limits } from "./milestone/limits.js";
export type { Limit } from "./store/limit-repository.js";

// policies
export type { PolicyCheckOptions, PolicyCheckReport } from "./milestone/check/check-policy.js";
export { checkPolicy } from "./milestone/check/check-policy.js";
export { every } from "./milestone/policies/every.js";
export type { FallingBelowSpec, FallingRearmAt, FallingSpec } from "./milestone/policies/falling-below.js";
export { fallingBelow } from "./milestone/policies/falling-below.js";
export type { ForecastOptions } from "./milestone/policies/forecast.js";
export { forecast } from "./milestone/policies/forecast.js";
export type { LevelSpec, RearmAt, RisingSpec } from "./milestone/policies/level-spec.js";
export type { PercentOfLimitSpec, PercentSpec } from "./milestone/policies/percent-of-limit.js";
export { percentOfLimit } from "./milestone/policies/percent-of-limit.js";
export { powersOf } from "./milestone/policies/powers-of.js";
export type { SeriesOptions } from "./milestone/policies/series.js";
export { thresholds } from "./milestone/policies/thresholds.js";
export type { ThresholdsOfOptions } from "./milestone/policies/thresholds-of.js";
export { thresholdsOf } from "./milestone/policies/thresholds-of.js";

// recipients
export type {
  ContactPage,
  ContactQuery,
  Contacts,
  ContactsAct,
  PutOptions,
  Tagging,
} from "./contact/contacts.js";
export type { Contact, Merging } from "./contact/contact.js";
export type { ContactFilter, FieldCondition, FieldValue, NumberRange, TimeRange } from "./contact/contact-filter.js";
export type { ContactImport, RejectedRow, RejectionCode } from "./contact/contact-import.js";
export type { ContactDefaults, ContactInput } from "./contact/contact-input.js";
export type { Importing, ImportProgress } from "./contact/importing.js";
export type { PutCounts } from "./store/contact-repository.js";
export type { ImportedConsent } from "./store/contact-import-repository.js";
export type { Subjects, MemberInput, SubjectInput } from "./recipient/subjects.js";
export type { Recipient, RecipientInput } from "./recipient/recipient.js";
export { recipientKey } from "./recipient/recipient.js";
export type { RecipientResolver, ResolveContext } from "./recipient/resolver.js";
export { membersWithRole } from "./recipient/resolver.js";
export type { Consent, Suppression, SuppressionReason } from "./recipient/suppression.js";
export { suppressionReasons } from "./recipient/suppression.js";
export type {
  AddressAct,
  AddressQuery,
  Consenting,
  SoftBounce,
  Suppressing,
  SuppressionQuery,
  Suppressions,
} from "./recipient/suppressions.js";

// messages
export type {
  MessageParts,
  MessageTemplate,
  MessageAddress,
  MessageSender,
  RenderedMessage,
} from "./message/message.js";
export type { CompiledTemplate, MessagePart } from "./message/template.js";
export type { Reader, ValueFormat } from "./message/value-format.js";
export { valueFormats } from "./message/value-format.js";

// templates in the store
export type {
  StoredTemplate,
  TemplateKey,
  TemplateOrigin,
  TemplateVariant,
  TemplateVersion,
} from "./message/stored-template.js";
export { templateOrigins } from "./message/stored-template.js";
export type { TagProblem, TagType, TemplateTag } from "./message/template-tag.js";
export { tagTypes } from "./message/template-tag.js";
export type { VariantInput, VersionInput } from "./message/template-check.js";
export type {
  PreviewInput,
  TemplateActing,
  TemplateInput,
  TemplatePreview,
  TemplateQuery,
  Templates,
  VersionAct,
  VersionEdit,
  VersionQuery,
} from "./message/templates.js";

// notifiers
export type { ConsoleNotifierOptions } from "./notifier/console-notifier.js";
export { consoleNotifier } from "./notifier/console-notifier.js";
export type { CircuitOptions } from "./notifier/circuit.js";
export type { HttpTimeouts } from "./notifier/exchange.js";
export type { FailoverNotifierOptions } from "./notifier/failover-notifier.js";
export { failoverNotifier } from "./notifier/failover-notifier.js";
export type { HttpContext, HttpNotifierOptions, HttpResponse } from "./notifier/http-notifier.js";
export { httpNotifier } from "./notifier/http-notifier.js";
export type { MemoryNotifier, MemoryNotifierOptions, SentMatch } from "./notifier/memory-notifier.js";
export { memoryNotifier } from "./notifier/memory-notifier.js";
export type { CrossingFacts, ReactionHandler, ReactionOptions, ReactionParts } from "./notifier/reaction.js";
export { reaction } from "./notifier/reaction.js";
export type { AddressLookup } from "./notifier/address-guard.js";
export type { VerifiedWebhook, WebhookHeaders, WebhookToVerify } from "./notifier/verify-webhook.js";
export { verifyWebhook } from "./notifier/verify-webhook.js";
export type { WebhookContext, WebhookNotifierOptions, WebhookSecret } from "./notifier/webhook-notifier.js";
export { webhookNotifier } from "./notifier/webhook-notifier.js";
export type {
  AccountCheck,
  AccountService,
  AccountShape,
  Channel,
  DeliveryMode,
  Notifier,
  NotifierHealth,
  Outcome,
  SendContext,
} from "./notifier/notifier.js";
export {
  accepted,
  ambiguous,
  deliveryModes,
  refusedPermanent,
  refusedTransient,
  unavailable,
} from "./notifier/notifier.js";

// provider accounts
export type {
  OAuthCredentials,
  OwnCredentials,
  PasswordCredentials,
  ProviderCredentials,
} from "./provider/credentials.js";
export type { ProviderAddress, ProviderKey, ProviderState } from "./provider/provider.js";
export { providerStates } from "./provider/provider.js";
export type { OpenProvider, ProviderAccount } from "./provider/provider-account.js";
export type { ProviderView } from "./provider/provider-view.js";
export type {
  AddProvider,
  ChangeProvider,
  ProviderAct,
  ProviderAddressInput,
  ProviderQuery,
  Providers,
} from "./provider/providers.js";

// delivery
export type { Attempt, Notification, NotificationSource, NotificationState } from "./delivery/notification.js";
export { notificationStates, terminalStates } from "./delivery/notification.js";
export type { BulkResult, CancelAllAct, RetryAllAct } from "./delivery/bulk-acts.js";
export type {
  DeadLetterQuery,
  NotificationAct,
  NotificationQuery,
  Notifications,
  ResolveAct,
  RetryAct,
} from "./delivery/notifications.js";
export type { Gate, Quota, Rate } from "./delivery/gate.js";
export type { Lane } from "./delivery/lane.js";
export type { LaneAct, LaneLimits, Lanes, LaneState } from "./delivery/lanes.js";
export type { Reason, ReasonCount } from "./delivery/reason.js";
export { reasonMeanings, reasons } from "./delivery/reason.js";
export type { DeliveryTiming } from "./delivery/timing.js";
export type { PassReport, StopOptions, Worker, WorkerOptions } from "./delivery/worker.js";

// what is heard of messages after they were sent
export type {
  BounceKind,
  DeliveryEvent,
  DeliveryEventType,
  DeliveryEventWay,
  EventReference,
} from "./tracking/delivery-event.js";
export { deliveryEventTypes, deliveryEventWays } from "./tracking/delivery-event.js";
export type {
  DeliveryEventInput,
  DeliveryEventQuery,
  DeliveryEvents,
  DeliveryEventsResult,
  FactsQuery,
} from "./tracking/delivery-events.js";
export type { SoftBounceLimit } from "./tracking/address-events.js";
export type { DeliveryEventOptions } from "./tracking/tracking-options.js";
export type { DeliveryFacts, NotificationFacts } from "./tracking/facts.js";
export { noFacts } from "./tracking/facts.js";
export type { MessageStanding } from "./tracking/standing.js";
export { standingOf } from "./tracking/standing.js";
export type { EngagementFigures } from "./tracking/engagement.js";
export type { Engagement, EngagementQuery, EngagementRow } from "./tracking/engagement-query.js";

// secrets, and what is kept of what others say
export { redact } from "./redact.js";
export type { KeyRing, KeyRingOptions } from "./secret/key-ring.js";
export { keyRing } from "./secret/key-ring.js";
export type { SecretPlace } from "./secret/secret-place.js";
// operating
export type { Workers, WorkerState } from "./delivery/workers.js";
export type { WorkerBeat, WorkerRecord } from "./store/worker-repository.js";
export type { InvariantCheck, InvariantId, VerifyReport, Violation } from "./store/verify.js";
export { invariantIds } from "./store/verify.js";
export type { VerifyQuery } from "./verifying.js";

// store: the reference one; the contract is in "@milepost/core/store"
export type { Member, Subject } from "./store/subject-repository.js";
export type { CounterKey, CounterState } from "./store/counter-repository.js";
export type { Retain } from "./store/definition-repository.js";
export type { RetainedEvent } from "./store/event-repository.js";
export type { InboxEvent, InboxRow } from "./store/inbox-repository.js";
export type { ActQuery, Acts } from "./acts.js";
export type { Act, RecordedAct } from "./store/act-repository.js";
export type { MemoryStoreOptions } from "./store/memory/memory-store.js";
export { memoryStore } from "./store/memory/memory-store.js";
export type { MigrationReport, Store, StoreSupports } from "./store/store.js";

// errors and data
export type { ErrorCode, MilepostErrorDetails } from "./errors.js";
export { errorCodes, MilepostError } from "./errors.js";
export type { Json, JsonObject } from "./json.js";
