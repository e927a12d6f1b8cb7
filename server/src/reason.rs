//! Every error reason of the API, with the gRPC code it stands under. The list is the one of
//! `proto/cartage/v1/errors.proto`; a test compares them.

/// The gRPC codes in use, so that nothing but `api` needs to know tonic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// The caller is not known.
    Unauthenticated,
    /// The caller is known and may not.
    PermissionDenied,
    /// It is not there.
    NotFound,
    /// It is there already.
    AlreadyExists,
    /// The request is wrong whatever the state.
    InvalidArgument,
    /// The state does not allow it.
    FailedPrecondition,
    /// Somebody else was faster; read again and repeat.
    Aborted,
    /// Beyond the end.
    OutOfRange,
    /// A limit is reached.
    ResourceExhausted,
    /// Away for a moment.
    Unavailable,
    /// Took too long.
    DeadlineExceeded,
    /// Nobody can say what happened.
    Unknown,
    /// Bytes are damaged.
    DataLoss,
    /// A defect of the server.
    Internal,
    /// There is no such method.
    Unimplemented,
}

macro_rules! reasons {
    ($($variant:ident = $text:literal, $code:ident;)*) => {
        /// Why something failed, as programs read it. Only ever added to.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Reason {
            $(
                #[doc = concat!("See `docs/errors/", $text, ".md`.")]
                $variant,
            )*
        }

        impl Reason {
            /// Every reason.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The text of the API.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)*
                }
            }

            /// The gRPC code it stands under.
            pub const fn code(self) -> Code {
                match self {
                    $(Self::$variant => Code::$code,)*
                }
            }

            /// The reason of a text.
            pub fn parse(text: &str) -> Option<Self> {
                match text {
                    $($text => Some(Self::$variant),)*
                    _ => None,
                }
            }
        }
    };
}

impl Reason {
    /// Whether the same call can succeed later without anybody doing anything.
    pub const fn is_retryable(self) -> bool {
        matches!(self.code(), Code::Unavailable | Code::Aborted)
    }
}

reasons! {
    TokenMissing = "TOKEN_MISSING", Unauthenticated;
    TokenInvalid = "TOKEN_INVALID", Unauthenticated;
    TokenExpired = "TOKEN_EXPIRED", Unauthenticated;
    ScopeMissing = "SCOPE_MISSING", PermissionDenied;
    AccessDenied = "ACCESS_DENIED", PermissionDenied;
    ResourceNotFound = "RESOURCE_NOT_FOUND", NotFound;
    ResourceExists = "RESOURCE_EXISTS", AlreadyExists;
    MalformedRequest = "MALFORMED_REQUEST", InvalidArgument;
    MessageTooLarge = "MESSAGE_TOO_LARGE", ResourceExhausted;
    InvalidFields = "INVALID_FIELDS", InvalidArgument;
    FilterInvalid = "FILTER_INVALID", InvalidArgument;
    PageTokenInvalid = "PAGE_TOKEN_INVALID", InvalidArgument;
    PageTokenExpired = "PAGE_TOKEN_EXPIRED", InvalidArgument;
    PageTokenMismatch = "PAGE_TOKEN_MISMATCH", InvalidArgument;
    RequestIdReused = "REQUEST_ID_REUSED", InvalidArgument;
    RequestInProgress = "REQUEST_IN_PROGRESS", Aborted;
    EtagRequired = "ETAG_REQUIRED", InvalidArgument;
    EtagMismatch = "ETAG_MISMATCH", Aborted;
    OperationInProgress = "OPERATION_IN_PROGRESS", Aborted;
    Contention = "CONTENTION", Aborted;
    StateConflict = "STATE_CONFLICT", FailedPrecondition;
    PreconditionsUnmet = "PRECONDITIONS_UNMET", FailedPrecondition;
    LiveRunActive = "LIVE_RUN_ACTIVE", FailedPrecondition;
    SelfApprovalForbidden = "SELF_APPROVAL_FORBIDDEN", PermissionDenied;
    UnknownEffects = "UNKNOWN_EFFECTS", FailedPrecondition;
    ChildrenExist = "CHILDREN_EXIST", FailedPrecondition;
    CredentialsRejected = "CREDENTIALS_REJECTED", FailedPrecondition;
    StoreScopesMissing = "STORE_SCOPES_MISSING", FailedPrecondition;
    UpstreamThrottled = "UPSTREAM_THROTTLED", Unavailable;
    UpstreamUnavailable = "UPSTREAM_UNAVAILABLE", Unavailable;
    UpstreamIncompatible = "UPSTREAM_INCOMPATIBLE", FailedPrecondition;
    UpstreamTlsInvalid = "UPSTREAM_TLS_INVALID", FailedPrecondition;
    CapabilityUnsupported = "CAPABILITY_UNSUPPORTED", FailedPrecondition;
    RateLimited = "RATE_LIMITED", ResourceExhausted;
    QuotaExceeded = "QUOTA_EXCEEDED", ResourceExhausted;
    StreamLimit = "STREAM_LIMIT", ResourceExhausted;
    Overloaded = "OVERLOADED", Unavailable;
    DeadlineExceeded = "DEADLINE_EXCEEDED", DeadlineExceeded;
    ResumeTokenInvalid = "RESUME_TOKEN_INVALID", InvalidArgument;
    ResumeTokenExpired = "RESUME_TOKEN_EXPIRED", OutOfRange;
    SequenceInFuture = "SEQUENCE_IN_FUTURE", OutOfRange;
    SlowConsumer = "SLOW_CONSUMER", ResourceExhausted;
    StorageUnavailable = "STORAGE_UNAVAILABLE", Unavailable;
    StorageFull = "STORAGE_FULL", Unavailable;
    OutcomeUnknown = "OUTCOME_UNKNOWN", Unknown;
    ChecksumMismatch = "CHECKSUM_MISMATCH", DataLoss;
    InternalError = "INTERNAL_ERROR", Internal;
    MethodUnimplemented = "METHOD_UNIMPLEMENTED", Unimplemented;
    UploadTruncated = "UPLOAD_TRUNCATED", FailedPrecondition;
    UploadOffsetMismatch = "UPLOAD_OFFSET_MISMATCH", OutOfRange;
    ArchiveInvalid = "ARCHIVE_INVALID", InvalidArgument;
    ArchiveUnsafePath = "ARCHIVE_UNSAFE_PATH", InvalidArgument;
    ArchiveExpansionTooLarge = "ARCHIVE_EXPANSION_TOO_LARGE", InvalidArgument;
    SourcePathForbidden = "SOURCE_PATH_FORBIDDEN", PermissionDenied;
    SourceFileMissing = "SOURCE_FILE_MISSING", FailedPrecondition;
    CsvMalformed = "CSV_MALFORMED", FailedPrecondition;
    CsvColumnMissing = "CSV_COLUMN_MISSING", FailedPrecondition;
    CsvColumnUnknown = "CSV_COLUMN_UNKNOWN", FailedPrecondition;
    TextEncodingInvalid = "TEXT_ENCODING_INVALID", FailedPrecondition;
    CellTooLarge = "CELL_TOO_LARGE", FailedPrecondition;
    ValueInvalid = "VALUE_INVALID", FailedPrecondition;
    RecordDuplicate = "RECORD_DUPLICATE", FailedPrecondition;
    ReferenceMissing = "REFERENCE_MISSING", FailedPrecondition;
    MappingFieldUnknown = "MAPPING_FIELD_UNKNOWN", InvalidArgument;
    MappingInvalid = "MAPPING_INVALID", InvalidArgument;
    MappingExpressionFailed = "MAPPING_EXPRESSION_FAILED", FailedPrecondition;
    TargetLimitExceeded = "TARGET_LIMIT_EXCEEDED", FailedPrecondition;
    TargetRefusedRecord = "TARGET_REFUSED_RECORD", FailedPrecondition;
    TargetConflict = "TARGET_CONFLICT", FailedPrecondition;
    SnapshotDamaged = "SNAPSHOT_DAMAGED", DataLoss;
    SnapshotFormatUnsupported = "SNAPSHOT_FORMAT_UNSUPPORTED", FailedPrecondition;
    SnapshotKeyUnavailable = "SNAPSHOT_KEY_UNAVAILABLE", FailedPrecondition;
    RestoreTestFailed = "RESTORE_TEST_FAILED", DataLoss;
    AttemptsExhausted = "ATTEMPTS_EXHAUSTED", FailedPrecondition;
    AccountingIncomplete = "ACCOUNTING_INCOMPLETE", Internal;
    RecordSplit = "RECORD_SPLIT", FailedPrecondition;
    RecordTooLarge = "RECORD_TOO_LARGE", FailedPrecondition;
    FieldMissing = "FIELD_MISSING", FailedPrecondition;
    MoneyMalformed = "MONEY_MALFORMED", FailedPrecondition;
    CurrencyInvalid = "CURRENCY_INVALID", FailedPrecondition;
    OrderWithoutLines = "ORDER_WITHOUT_LINES", FailedPrecondition;
    EmailInvalid = "EMAIL_INVALID", FailedPrecondition;
    SourceIdDuplicate = "SOURCE_ID_DUPLICATE", FailedPrecondition;
    MappingExclusionNameInvalid = "MAPPING_EXCLUSION_NAME_INVALID", InvalidArgument;
    MappingExpressionInvalid = "MAPPING_EXPRESSION_INVALID", InvalidArgument;
    MappingKindUnsupported = "MAPPING_KIND_UNSUPPORTED", InvalidArgument;
    MappingLimitExceeded = "MAPPING_LIMIT_EXCEEDED", InvalidArgument;
    MappingListMismatch = "MAPPING_LIST_MISMATCH", InvalidArgument;
    MappingPathInvalid = "MAPPING_PATH_INVALID", InvalidArgument;
    MappingRequiredFieldMissing = "MAPPING_REQUIRED_FIELD_MISSING", InvalidArgument;
    MappingTemplateInvalid = "MAPPING_TEMPLATE_INVALID", InvalidArgument;
    MappingValueTooLarge = "MAPPING_VALUE_TOO_LARGE", FailedPrecondition;
    MappingValueUnmapped = "MAPPING_VALUE_UNMAPPED", FailedPrecondition;
    RollbackIncomplete = "ROLLBACK_INCOMPLETE", FailedPrecondition;
    FieldNotUpdatable = "FIELD_NOT_UPDATABLE", FailedPrecondition;
    SourceChanged = "SOURCE_CHANGED", Aborted;
}
